"""What every service stands on: state, jobs, admission, checkpoints and the port a provider fills in."""

#: Of everything here: the packages are released together.
VERSION = "0.1.0"
