"""What every service stands on: state, jobs, admission, checkpoints and the port a provider fills in."""
