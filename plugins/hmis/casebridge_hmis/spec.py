"""The tables of HMIS CSV, a set for each year of the specification (``data/``, their source in ``NOTICE.md``)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

KNOWN = (
    "Export", "Organization", "Project", "User", "Client", "Enrollment", "Exit", "Services", "IncomeBenefits",
    "HealthAndDV", "Disabilities", "CurrentLivingSituation", "EmploymentEducation", "YouthEducationStatus",
    "Assessment", "AssessmentQuestions", "AssessmentResults", "Event",
)  # fmt: skip
"""The files this adapter understands, in the order their records are read. All others are carried through."""

INSIDE: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "Enrollment": {"exit": ("Exit", False), "deleted_exits": ("Exit", True)},
    "Assessment": {"questions": ("AssessmentQuestions", True), "results": ("AssessmentResults", True)},
}
"""Rows that ride inside the record they belong to: name there, their file, may there be several."""

DELETED = {"exit": False, "deleted_exits": True}
"""Of rows that may ride in one of two places: does the row there say that it was deleted?"""

SHARED = ("AssessmentID", "EnrollmentID", "PersonalID")
"""Pointers that a row inside a record has in common with it; they stand there once."""

PARENTS: Mapping[str, Mapping[str, str]] = {
    "Project": {"organization": "Organization"},
    "Enrollment": {"client": "Client", "project": "Project", "user": "User"},
    **{file: {"enrollment": "Enrollment", "client": "Client"} for file in KNOWN[KNOWN.index("Services") :]},
}
"""Records that one of a file hangs on, by the name under which they may be nested in it."""

ASSESSMENTS = ("IncomeBenefits", "HealthAndDV", "Disabilities", "CurrentLivingSituation", "EmploymentEducation",
               "YouthEducationStatus", "Assessment")  # fmt: skip
"""Files whose records are assessments: seven tables number their rows alike, so the file belongs to the id."""

JOINED = ("Project", "Enrollment", "Event")
"""Files whose records are read with their parents in them. The rest would only repeat the enrollment, row by row."""

DATED = {
    "Enrollment": "EntryDate", "Exit": "ExitDate", "Event": "EventDate", "Services": "DateProvided",
    "Assessment": "AssessmentDate",
    **dict.fromkeys(ASSESSMENTS[:-1], "InformationDate"),
}  # fmt: skip
"""The date without which a row of the file says nothing."""

HASHED = ("FirstName", "MiddleName", "LastName", "SSN")
"""Client columns that hold a hash when ``Export.HashStatus`` is not 1."""

HASH_STATUS = "HashStatus"
"""What reading adds to such a client's row: its columns of ``HASHED`` are not in it, so nobody knows what they say."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``type`` is S<length>, I, M, M+ (money), D (date) or T (date and time).

    ``lists`` are its value lists; with several, another column of the row says which one counts.
    """

    name: str
    type: str
    required: bool
    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A column that may hold a value only when ``other`` is one of ``codes``."""

    column: str
    other: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Spec:
    """HMIS CSV of one year: ``format`` is our name for it, ``version`` what its exports say in CSVVersion."""

    year: str
    format: str
    version: str

    @property
    def title(self) -> str:
        """How it is called: FY2026."""
        return f"FY{self.year}"

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the specification, in its order."""
        return tuple(_columns(self.year))

    def columns(self, file: str) -> tuple[Column, ...]:
        """The columns of one file in the order of the specification; KeyError for an unknown file."""
        return _columns(self.year)[file]

    def codes(self, value_list: str) -> Mapping[str, str]:
        """Code to label of one value list (``3.12.1``); empty when the year has no such list."""
        return _lists(self.year).get(value_list, {})

    def allowed(self, file: str, column: Column, row: Mapping[str, str]) -> frozenset[str] | None:
        """The codes a column may hold in this row; None when it has no value list."""
        if not column.lists:
            return None
        choices = _choices(self.year, file, column.name)
        chosen = tuple(list_ for name, code, list_ in choices if row.get(name) == code) if choices else ()
        return _codes_of(self.year, chosen or column.lists)

    def file_of(self, native_type: str) -> str:
        """The file a native type is for (``hmis-csv/Client``), or '' when it is no file of this year's."""
        prefix, _, file = native_type.partition("/")
        return file if prefix == self.format and file in KNOWN else ""

    def is_version(self, said: str) -> bool:
        """Does an export that says this of itself belong to the year?"""
        return said.strip()[:4] == self.year


FY2026 = Spec("2026", "hmis-csv", "2026 v1.0")
FY2024 = Spec("2024", "hmis-csv-2024", "2024 v1.7")


def _rows(name: str) -> Iterator[list[str]]:
    text = files("casebridge_hmis").joinpath("data", name).read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines())
    next(rows)
    yield from rows


@cache
def _columns(year: str) -> dict[str, tuple[Column, ...]]:
    found: dict[str, list[Column]] = {}
    for file, name, kind, nullable, lists in _rows(f"{year}/columns.csv"):
        found.setdefault(file, []).append(Column(name, kind, nullable == "N", tuple(filter(None, lists.split("|")))))
    return {file: tuple(items) for file, items in found.items()}


@cache
def _lists(year: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, code, label in _rows(f"{year}/lists.csv"):
        found.setdefault(name, {})[code] = label
    return found


@cache
def _codes_of(year: str, lists: tuple[str, ...]) -> frozenset[str]:
    """The codes of several lists together."""
    return frozenset(code for name in lists for code in _lists(year).get(name, {}))


@cache
def _choices(year: str, file: str, column: str) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (other, code, value_list)
        for its_file, its_column, other, code, value_list in _rows(f"{year}/choices.csv")
        if (its_file, its_column) == (file, column)
    )


def deleted(row: Mapping[str, str]) -> bool:
    """Was the row taken back? (DateDeleted, HMIS CSV FY2026)"""
    return bool(row.get("DateDeleted", "").strip())


@cache
def key_of(file: str) -> str:
    """The column that is the key of a file (``EnrollmentID``), in every year."""
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
def conditions(file: str) -> tuple[Condition, ...]:
    """The columns of a file that depend on another one."""
    return tuple(
        Condition(column, other, frozenset(allowed.split(";")))
        for name, column, other, allowed in _rows("conditions.csv")
        if name == file
    )
