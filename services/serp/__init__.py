"""Search results, from Scale SERP."""
