"""The reference pages, made from the code and the data: ``python -m casebridge.docs`` (``make docs``)."""

from casebridge.docs.pages import pages, stale, write

__all__ = ["pages", "stale", "write"]
