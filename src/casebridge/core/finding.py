"""What a format finds in a payload that is wrong though it can be read: for ``casebridge validate``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol, runtime_checkable

from casebridge.core.errors import Position


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found in a payload. Holds nothing of a person: names of elements, codes, shapes of values.

    ``level``: *wrong* must be mended, *doubtful* may be meant, *not-checked* could not be looked at here, and ``do``
    says what it takes. ``rule`` is the requirement by its own name in its guide, ``field`` the element as people of
    the format write it, ``found`` the shape of what stands there (see ``casebridge.core.errors.mask``).
    """

    level: Literal["wrong", "doubtful", "not-checked"]
    rule: str
    code: str  # of errors.csv
    message: str
    position: Position
    field: str = ""
    expected: str = ""
    found: str = ""
    do: str = ""


@runtime_checkable
class Checking(Protocol):
    """A format with the capability ``check``: it can say what is wrong with a payload that it can read."""

    def recognises(self, head: bytes) -> bool:
        """Whether a payload that begins like this (64 KiB at most) looks like one of this format."""

    def check(self, stream: BinaryIO) -> Iterator[Finding]:
        """What is found in the payload, one by one as it is read. Raises RecordError when it cannot be read at all."""
