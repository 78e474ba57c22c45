"""What can be said: points, filters, queries, configurations, operations. No I/O."""
