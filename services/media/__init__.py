"""Videos and their channels, from the YouTube Data API."""
