"""Whose a domain is, as people say, in place of what a provider matched."""
