"""Templates: bodies of a start, kept by name, started and tried out."""
