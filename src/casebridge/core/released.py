"""What may leave: the only thing an exit takes.

A :class:`Released` comes from ``engine/release.py``, where it was decided leaf by leaf. One other place makes them:
``translating/own_file.py``, for a file that its holder converts for itself; such a one is marked :data:`CONVERSION`,
and no dispatch takes it. A test reads the source to hold both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from casebridge.core import facts

CONVERSION = "conversion"
"""The purpose of what nobody receives: a file converted by whoever holds it already."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """One leaf that stays here: its case path, the rules that decided, and why in plain words."""

    path: str
    rules: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Released:
    """A document some recipient may have, for one purpose, under one policy version.

    ``document`` is the case slice (withheld leaves are ``{"absent": "withheld"}``) or, after the map ran
    backward, the native record made of it. ``notices`` must travel with it (42 CFR 2.32).
    """

    document: Mapping[str, Any]
    recipient: str
    purpose: str
    policy: str
    permitted: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    native_type: str = ""
    notices: tuple[str, ...] = ()
    seal: object = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("a Released is made by casebridge.engine.release.release, never by hand")

    def translated(self, document: Mapping[str, Any], native_type: str) -> Released:
        """The same release with its document in the recipient's own notation (``hmis-csv/Event``)."""
        return replace(self, document=document, native_type=native_type)


_SEAL = object()


def notices_for(obligations: Collection[str]) -> tuple[str, ...]:
    """The texts that must travel with a release (``data/notices.csv``)."""
    return tuple(text for obligation, text in _notices() if obligation in obligations)


@cache
def _notices() -> tuple[tuple[str, str], ...]:
    return tuple((row["obligation"], row["text"]) for row in facts.rows("casebridge.core", "notices.csv"))


def _issue(**values: Any) -> Released:
    """For ``engine/release.py`` and ``translating/own_file.py`` only."""
    return Released(**values, seal=_SEAL)
