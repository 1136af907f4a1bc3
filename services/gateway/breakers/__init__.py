"""Circuit breakers: how they are, and what operators want of them."""
