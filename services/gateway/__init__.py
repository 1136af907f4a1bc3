"""The control plane: REST API, command line and one-machine mode."""
