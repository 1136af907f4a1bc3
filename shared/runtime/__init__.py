"""What turns a provider into a worker process."""
