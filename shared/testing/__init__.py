"""Fakes of the ports. Each passes the same suite as the real thing."""
