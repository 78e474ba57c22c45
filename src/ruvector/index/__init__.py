"""Which rows match? Graphs over vectors, payload indexes, the planner; rows only, no ids."""
