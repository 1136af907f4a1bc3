"""One-machine mode: real servers and real processes, supervised from one command."""
