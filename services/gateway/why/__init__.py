"""Why something does not go on."""
