"""Events: as a stream, and page by page."""
