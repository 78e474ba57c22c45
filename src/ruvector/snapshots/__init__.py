"""How is a database kept elsewhere? Snapshots: made, listed, moved, verified and restored."""
