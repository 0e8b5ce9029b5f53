"""The command line."""

from casebridge.cli.main import app, main

__all__ = ["app", "main"]
