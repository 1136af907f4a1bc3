"""Pure decisions: no I/O, no clock and no randomness but what is passed in."""
