"""The `landscape` command."""

from services.gateway.cli.group import main

__all__ = ["main"]
