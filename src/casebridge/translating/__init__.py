"""From one file to another through the case model, and the workshop in which maps are tried: no site, no store."""

from casebridge.translating.workshop import Workshop, open_workshop

__all__ = ["Workshop", "open_workshop"]
