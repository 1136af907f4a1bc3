"""What a pipeline will cost, before anything is spent."""
