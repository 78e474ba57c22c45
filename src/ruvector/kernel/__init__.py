"""The compiled kernel and its numpy twins."""
