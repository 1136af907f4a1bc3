"""Jobs that were given up: looked at, edited, replayed, discarded."""
