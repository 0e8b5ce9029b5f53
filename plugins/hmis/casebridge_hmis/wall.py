"""The wall of victim service providers: their clients' rows are refused before anything is stored.

VAWA, FVPSA and VOCA keep such rows out of an HMIS, hashed or consented. When one turns up in an export all the same
it is counted and forgotten: it is no error, has no position, and is not carried through either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from casebridge_hmis.shelf import Shelf

OPEN, WALLED, REFUSED = "person-open", "person-walled", "enrollment-refused"  # signs on the shelf


class Wall:
    """Who stands behind the wall, from Organization, Project and Enrollment rows, which must come first."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def learn(self, enrollments: Iterable[Mapping[str, str]]) -> None:
        """Look at every enrollment once. A project nobody can place counts against its people, not for them."""
        for record in enrollments:
            side = self.side(record["ProjectID"])
            self._shelf.mark(OPEN if side == "0" else WALLED, record["PersonalID"])
            if side == "1":
                self._shelf.mark(REFUSED, record["EnrollmentID"])

    def side(self, project_id: str) -> str:
        """``VictimServiceProvider`` of the project's organization; '' when that cannot be told."""
        project = self._shelf.get("Project", project_id)
        organization = self._shelf.get("Organization", project["OrganizationID"]) if project else None
        return str(organization["VictimServiceProvider"]).strip() if organization else ""

    def stands(self) -> bool:
        """Is anybody behind it at all?"""
        return self._shelf.any(WALLED)

    def refuses(self, file: str, record: Mapping[str, str]) -> bool:
        """Does this row of ``file`` belong to a victim service provider's client?"""
        if "EnrollmentID" in record:
            return self._shelf.marked(REFUSED, record["EnrollmentID"])
        return "PersonalID" in record and self._person(record["PersonalID"])

    def _person(self, person: str) -> bool:
        """All their enrollments are with a victim service provider, or with nobody knows whom."""
        return self._shelf.marked(WALLED, person) and not self._shelf.marked(OPEN, person)
