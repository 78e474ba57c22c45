"""What can be said: points, filters, queries, configurations and operations. Structs without I/O."""
