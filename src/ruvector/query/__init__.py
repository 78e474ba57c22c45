"""What was asked for? Reads of a collection: nearest points, pages, counts, single points."""
