"""ruvector."""
