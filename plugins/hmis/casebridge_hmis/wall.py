"""The wall of victim service providers: their clients' rows are refused before anything is stored.

VAWA, FVPSA and VOCA keep such rows out of an HMIS, hashed or consented. When one turns up in an export all the same
it is counted and forgotten: it is no error, has no position, and is not carried through either.

A client's row is let through only when an enrollment in an open project stands behind it. What cannot be placed may
be a survivor's, and is left out like a survivor's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from casebridge_hmis.shelf import Shelf

Rows = Iterable[Mapping[str, str]]


class Standing(IntEnum):
    """Where a row stands. Of several that are said of one key the highest counts."""

    OPEN = 1
    UNPLACED = 2  # nobody can say whose it is
    WALLED = 3  # a victim service provider's


# signs on the shelf: what is said of an organization, a project, an enrollment of a person, whoever's, a person
ORGANIZATION, PROJECT = "standing-organization", "standing-project"
ENROLLMENT, ANYBODYS, PERSON = "standing-enrollment", "standing-anybodys-enrollment", "standing-person"
PRESENT = "person-present"  # somebody enrolled in an open project, and that was not taken back


class Wall:
    """Who stands behind it. It looks at every row, the faulty ones too; a doubt counts against letting through."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._wholly_open = True  # nothing speaks of a victim service provider, or of rows that are missing

    def learn(self, organizations: Rows, projects: Rows, enrollments: Rows) -> None:
        """Look at each row once. One that cannot be read is an empty one."""
        for record in organizations:
            said = {"0": Standing.OPEN, "1": Standing.WALLED}.get(_of(record, "VictimServiceProvider"))
            self._say(ORGANIZATION, _of(record, "OrganizationID"), said or Standing.UNPLACED)
        for record in projects:
            above = self._heard(ORGANIZATION, _of(record, "OrganizationID"))
            self._say(PROJECT, _of(record, "ProjectID"), above or Standing.UNPLACED)
        for record in enrollments:
            self._learn_enrollment(record)
        self._wholly_open = all(self._shelf.highest(s) <= Standing.OPEN for s in (ORGANIZATION, PROJECT, ENROLLMENT))

    def _learn_enrollment(self, record: Mapping[str, str]) -> None:
        enrollment, person = _of(record, "EnrollmentID"), _of(record, "PersonalID")
        above = self._heard(PROJECT, _of(record, "ProjectID")) or Standing.UNPLACED
        self._say(ENROLLMENT, _pair(enrollment, person), above)
        self._say(ANYBODYS, enrollment, above)
        self._say(PERSON, person, above)
        if person and above == Standing.OPEN and not _of(record, "DateDeleted"):
            self._shelf.mark(PRESENT, person)

    def _say(self, sign: str, key: str, standing: Standing) -> None:
        """What has no key can open nothing."""
        self._shelf.raise_to(sign, key, standing if key else max(standing, Standing.UNPLACED))

    def _heard(self, sign: str, key: str) -> Standing | None:
        level = self._shelf.level(sign, key)
        return Standing(level) if level else None

    def stands(self) -> bool:
        """Do the organizations, projects and enrollments speak of it, or leave room for it?"""
        return not self._wholly_open

    def standing(self, file: str, record: Mapping[str, str]) -> Standing:
        """Whose row is this? A client's is open when its person is and the enrollment it names."""
        person = self._of_person(_of(record, "PersonalID"))
        return max(person, self._of_enrollment(file, record)) if "EnrollmentID" in record else person

    def _of_person(self, person: str) -> Standing:
        """An enrollment that was taken back places its person only where nothing at all speaks of a wall."""
        if self._shelf.marked(PRESENT, person):
            return Standing.OPEN
        said = self._heard(PERSON, person) or Standing.UNPLACED
        return max(said, Standing.UNPLACED) if self.stands() else said

    def _of_enrollment(self, file: str, record: Mapping[str, str]) -> Standing:
        enrollment, person = _of(record, "EnrollmentID"), _of(record, "PersonalID")
        if not enrollment and file == "Enrollment":
            return self._heard(PROJECT, _of(record, "ProjectID")) or Standing.UNPLACED
        if enrollment and (own := self._heard(ENROLLMENT, _pair(enrollment, person))):
            return own
        others = self._heard(ANYBODYS, enrollment) or Standing.UNPLACED
        return max(others, self._heard(PERSON, person) or Standing.UNPLACED)


def _of(record: Mapping[str, str], column: str) -> str:
    return record.get(column, "").strip()


def _pair(enrollment: str, person: str) -> str:
    return f"{enrollment}\x1f{person}" if enrollment else ""
