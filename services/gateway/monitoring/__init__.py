"""What operators and machines ask about the state of the system."""
