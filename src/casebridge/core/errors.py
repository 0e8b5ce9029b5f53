"""Errors, sorted by what to do about them.

CaseBridgeError
├── SetupError    fix the set-up      (casebridge.toml, a credential, a plugin)
├── MapError      fix the map         (file:line:column)
├── RecordError   fix the record      (position, field, expected, masked value)
├── TryAgain      try again           (after when)
├── Held          ask a person        (who must act)
└── Bug           report a bug

Every error carries a stable code ``CB-nnn`` listed, with its meaning and remedy, in ``data/errors.csv``.
No message may contain personal data: show a value only through :func:`mask`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import PurePath

from casebridge.core import facts

_BETWEEN = re.compile(r"(\.|\[\d*\])")
_FIELD = re.compile(r"[\w\-:]{0,48}", re.ASCII)
_DIGITS_OF_A_DATE = 6
_MOST_PARTS = 200


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One row of ``data/errors.csv``."""

    code: str
    kind: str
    title: str
    remedy: str


@cache
def error_codes() -> dict[str, CodeEntry]:
    """Every stable error code, by code."""
    return {row["code"]: CodeEntry(**row) for row in facts.rows("casebridge.core", "errors.csv")}


def mask(value: object, limit: int = 20) -> str:
    """The shape of a value without the value: letters become ``a``/``A``, digits ``9``, control characters ``·``.

    >>> mask("Smith 1987-02-20")
    'Aaaaa 9999-99-99'
    """
    shape = "".join(map(_shape_of, str(value)[: limit + 1]))
    return shape if len(shape) <= limit else shape[:limit] + "…"


def quiet_place(place: str) -> str:
    """A place of a record as it may stand in the books. A partner chooses the names of its fields: one that does not
    look like a name of a field, or bears a date or a number, may say something of a person, and is masked.

    >>> quiet_place("name[0].family"), quiet_place("Jane Doe 1980-01-01.note")
    ('name[0].family', 'Aaaa Aaa 9999-99-99.note')
    """
    parts = _BETWEEN.split(place)
    return "".join(p if _BETWEEN.fullmatch(p) or _is_field(p) else mask(p) for p in parts[:_MOST_PARTS])


def _is_field(name: str) -> bool:
    return _FIELD.fullmatch(name) is not None and sum(map(str.isdigit, name)) < _DIGITS_OF_A_DATE


def _shape_of(char: str) -> str:
    if char.isdigit():
        return "9"
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return char if char.isprintable() else "·"  # nothing that a terminal would obey


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a payload something stands; only the parts that make sense for the format are set."""

    file: str = ""
    row: int | None = None  # line number in a text file, 1 is the first line
    segment: int | None = None  # X12 segment number, 1 is ISA
    loop: str = ""  # X12 loop
    pointer: str = ""  # JSON pointer

    def __str__(self) -> str:
        parts = [self.file] if self.file else []
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.segment is not None:
            parts.append(f"segment {self.segment}")
        if self.loop:
            parts.append(f"loop {self.loop}")
        if self.pointer:
            parts.append(self.pointer)
        return ", ".join(parts) or "the payload"

    def as_dict(self) -> dict[str, object]:
        """The parts that are set, for storing."""
        parts = {"file": self.file, "row": self.row, "segment": self.segment, "loop": self.loop,
                 "pointer": self.pointer}  # fmt: skip
        return {name: part for name, part in parts.items() if part not in ("", None)}


class CaseBridgeError(Exception):
    """The root. ``message`` says what is wrong and where; ``remedy`` what to do."""

    who = "it"  # who usually acts: it | partner | worker | privacy | developer

    def __init__(self, code: str, message: str, *, remedy: str = "") -> None:
        entry = error_codes().get(code)
        if entry is None:
            raise LookupError(f"{code} is not in core/data/errors.csv")
        self.code = code
        self.message = message
        self.remedy = remedy or entry.remedy
        super().__init__(f"{message} ({code}). {self.remedy}")


class SetupError(CaseBridgeError):
    """Fix the set-up: configuration, credentials, an installed plugin."""


class MapError(CaseBridgeError):
    """Fix the map. Lines and columns count from 1."""

    def __init__(
        self, code: str, message: str, *, file: str = "", line: int = 0, column: int = 0, remedy: str = ""
    ) -> None:
        self.file, self.line, self.column = file, line, column
        where = f"{'/'.join(PurePath(file).parts[-2:])}:{line}:{column}: " if file else ""
        super().__init__(code, where + message, remedy=remedy)


class RecordError(CaseBridgeError):
    """Fix the record: names the position, the field, what was expected and the shape of what was found."""

    who = "partner"

    def __init__(
        self,
        code: str,
        message: str,
        *,
        position: Position | None = None,
        field: str = "",
        expected: str = "",
        found: object = None,
        remedy: str = "",
        external_id: str = "",
    ) -> None:
        self.position = position or Position()
        self.field, self.expected = field, expected
        self.found = "" if found is None else mask(found)
        self.external_id = external_id
        text = f"{self.position}: {message}"
        if field:
            text += f" [{field}]"
        if expected:
            text += f"; expected {expected}"
        if self.found:
            text += f", found {self.found}"
        super().__init__(code, text, remedy=remedy)


class TryAgain(CaseBridgeError):
    """A passing failure; ``after`` is the earliest moment to try again, or None for the usual back-off.

    ``unsent``: the link knows that nothing reached the partner, so that a repeat cannot be a second one.
    """

    def __init__(
        self, code: str, message: str, *, after: datetime | None = None, remedy: str = "", unsent: bool = False
    ) -> None:
        self.after, self.unsent = after, unsent
        super().__init__(code, message, remedy=remedy)


class Held(CaseBridgeError):
    """A person must decide. ``who`` is ``it``, ``partner``, ``worker`` or ``privacy``."""

    def __init__(self, code: str, message: str, *, who: str = "worker", remedy: str = "") -> None:
        super().__init__(code, message, remedy=remedy)
        self.who = who


class Bug(CaseBridgeError):
    """Something we did not think of. Report it with its code."""

    who = "developer"


def place_of(error: BaseException) -> str:
    """File and line where an error arose: all that may be told of one whose text may quote a record."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
