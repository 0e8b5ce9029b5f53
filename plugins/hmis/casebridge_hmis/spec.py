"""The tables of HMIS CSV FY2026 (``data/``, with their source in ``data/NOTICE.md``)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

CSV_VERSION = "2026 v1.0"
KNOWN = ("Export", "Organization", "Project", "User", "Client", "Enrollment", "Exit", "Event")
"""The files this adapter understands, in the order their records are read. All others are carried through."""

DATED = {"Enrollment": "EntryDate", "Exit": "ExitDate", "Event": "EventDate"}
"""The date without which a row of the file says nothing."""

HASHED = ("FirstName", "MiddleName", "LastName", "SSN")
"""Client columns that hold a hash when ``Export.HashStatus`` is not 1."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``type`` is S<length>, I, M, M+ (money), D (date) or T (date and time)."""

    name: str
    type: str
    required: bool
    list: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A column that may hold a value only when ``other`` is one of ``codes``."""

    column: str
    other: str
    codes: frozenset[str]


def _rows(name: str) -> Iterator[list[str]]:
    text = files("casebridge_hmis").joinpath("data", name).read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines())
    next(rows)
    yield from rows


@cache
def columns(file: str) -> tuple[Column, ...]:
    """The columns of one file in the order of the specification; KeyError for an unknown file."""
    return _columns()[file]


@cache
def _columns() -> dict[str, tuple[Column, ...]]:
    found: dict[str, list[Column]] = {}
    for file, name, kind, nullable, value_list in _rows("columns.csv"):
        found.setdefault(file, []).append(Column(name, kind, nullable == "N", value_list))
    return {file: tuple(items) for file, items in found.items()}


def all_files() -> tuple[str, ...]:
    """Every file of the specification, in its order."""
    return tuple(_columns())


@cache
def key_of(file: str) -> str:
    """The column that is the key of a file (``EnrollmentID``)."""
    return next(column for name, column, kind, *_ in _rows("keys.csv") if name == file and kind == "pk")


@cache
def references(file: str) -> tuple[tuple[str, str], ...]:
    """``(column, file it points into)`` for one file, the pointers to User and Export left out."""
    return tuple(
        (column, target)
        for name, column, kind, target, _ in _rows("keys.csv")
        if name == file and kind == "fk" and target not in ("User", "Export")
    )


@cache
def codes(value_list: str) -> dict[str, str]:
    """Code to label of one value list (``3.12.1``)."""
    return {code: label for name, code, label in _rows("lists.csv") if name == value_list}


@cache
def conditions(file: str) -> tuple[Condition, ...]:
    """The columns of a file that depend on another one."""
    return tuple(
        Condition(column, other, frozenset(allowed.split(";")))
        for name, column, other, allowed in _rows("conditions.csv")
        if name == file
    )
