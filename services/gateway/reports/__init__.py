"""Reports: what a pipeline found, as JSON and as a page."""
