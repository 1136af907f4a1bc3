"""Webhooks: who is told of events over HTTP."""
