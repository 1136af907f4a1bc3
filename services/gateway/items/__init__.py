"""Single items."""
