"""What an adapter writes down for itself."""

from __future__ import annotations

from typing import Protocol


class Notes(Protocol):
    """Short texts by name, without personal data. They outlive a restart, and are the same in every process of the
    site. Both functions raise TryAgain CB-404 while the database does not answer."""

    def get(self, name: str) -> str:
        """What was kept under this name; "" for nothing."""

    def keep(self, name: str, text: str) -> None:
        """Keep it, instead of what was there; "" for nothing."""


class Scratch:
    """Notes that are forgotten with the process: where there are no books."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, name: str) -> str:
        """What was kept under this name; "" for nothing."""
        return self._kept.get(name, "")

    def keep(self, name: str, text: str) -> None:
        """Keep it, instead of what was there."""
        self._kept[name] = text
