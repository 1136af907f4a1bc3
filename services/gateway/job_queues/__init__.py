"""How long the queues are, and what is dead in them."""
