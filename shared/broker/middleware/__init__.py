"""Dramatiq middlewares. They observe and hold resources; none of them decides."""
