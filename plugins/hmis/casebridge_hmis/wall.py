"""The wall of victim service providers: their clients' rows are refused before anything is stored.

VAWA, FVPSA and VOCA keep such rows out of an HMIS, hashed or consented. When one turns up in an export all the same
it is counted and forgotten: it is no error, has no position, and is not carried through either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from casebridge_hmis.shelf import Shelf

PERSON_OPEN, PERSON_WALLED = "person-open", "person-walled"  # signs on the shelf
ORGANIZATION, PROJECT, ENROLLMENT = "walled-organization", "walled-project", "walled-enrollment"
PLACED = "enrollment-placed"
Rows = Iterable[Mapping[str, str]]


class Wall:
    """Who stands behind it. It looks at every row, the faulty ones too; a doubt counts against letting through."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def learn(self, organizations: Rows, projects: Rows, enrollments: Rows) -> None:
        """Look at each row once; what is on the shelf by then are the organizations and projects that are in order."""
        for record in organizations:
            if record["VictimServiceProvider"].strip() == "1":
                self._shelf.mark(ORGANIZATION, record["OrganizationID"])
        for record in projects:
            if self._shelf.marked(ORGANIZATION, record["OrganizationID"]):
                self._shelf.mark(PROJECT, record["ProjectID"])
        for record in enrollments:
            self._learn_enrollment(record)

    def _learn_enrollment(self, record: Mapping[str, str]) -> None:
        walled = self._shelf.marked(PROJECT, record["ProjectID"])
        known = self._shelf.holds("Project", record["ProjectID"])
        self._shelf.mark(PERSON_OPEN if known and not walled else PERSON_WALLED, record["PersonalID"])
        if walled:
            self._shelf.mark(ENROLLMENT, record["EnrollmentID"])
        self._shelf.mark(PLACED, record["EnrollmentID"])

    def stands(self) -> bool:
        """Is anybody behind it at all?"""
        return self._shelf.any(PERSON_WALLED) or self._shelf.any(PROJECT)

    def refuses(self, file: str, record: Mapping[str, str]) -> bool:
        """Does this row belong to a victim service provider's client? Without a known enrollment the person decides."""
        enrollment = record.get("EnrollmentID", "")
        if "EnrollmentID" in record and self._shelf.marked(ENROLLMENT, enrollment):
            return True
        if enrollment and self._shelf.marked(PLACED, enrollment):
            return False
        return "PersonalID" in record and self._person(record["PersonalID"])

    def _person(self, person: str) -> bool:
        """No enrollment is with anyone else. One without any is let through only where there is no such provider."""
        if self._shelf.marked(PERSON_OPEN, person):
            return False
        return self._shelf.marked(PERSON_WALLED, person) or self._shelf.any(PROJECT)
