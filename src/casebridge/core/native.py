"""What may stand where in a native record: the other side's schema, which the mapping language checks paths against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

ElementType = Literal["text", "boolean", "number", "date", "moment", "group", "any"]


def _nothing() -> Mapping[str, Element]:
    return {}


@dataclass(frozen=True, slots=True)
class Element:
    """One place of a native record.

    ``type`` is what a value looks like: ``date`` as the format spells it, ``moment`` with a time of day, ``group`` has
    ``fields``, ``any`` is not known further (everything below it is accepted). ``many`` is a list. ``codes`` are all
    the values the place may have; None leaves it open. ``required``: the format demands it of every record.
    ``owner`` is ``theirs`` where the map's ``shape`` says that the partner alone writes the group.
    ``text``, said of a whole record: its values are text cells, numbers and booleans too (see ``Natives.text``).
    ``about`` is the format's own name for it, ``source`` the rule (``X12 005010X220A1 2100A NM103``).
    """

    type: ElementType = "text"
    many: bool = False
    codes: frozenset[str] | None = None
    required: bool = False
    owner: Literal["ours", "theirs"] = "ours"
    text: bool = False
    about: str = ""
    source: str = ""
    children: Callable[[], Mapping[str, Element]] = _nothing

    @property
    def fields(self) -> Mapping[str, Element]:
        """The places below, by name; asked for late because a format may nest without end (FHIR's Extension)."""
        return self.children()
