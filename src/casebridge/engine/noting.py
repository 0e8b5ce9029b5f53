"""The notes of a partner's adapter, in the site's books."""

from __future__ import annotations

from dataclasses import dataclass

from casebridge.core.errors import TryAgain
from casebridge.store import notes
from casebridge.store.database import Store, StoreTrouble


@dataclass(frozen=True, slots=True)
class StoredNotes:
    """See ``casebridge.Notes``. Raises TryAgain CB-404 while the database does not answer."""

    store: Store
    partner: str

    def get(self, name: str) -> str:
        """What was kept under this name; "" for nothing."""
        try:
            with self.store.read() as c:
                return notes.get(c, self.partner, name)
        except StoreTrouble as trouble:
            raise TryAgain("CB-404", "The database did not do what was asked of it") from trouble

    def keep(self, name: str, text: str) -> None:
        """Keep it, instead of what was there; "" for nothing."""
        try:
            with self.store.write() as c:
                notes.keep(c, self.partner, name, text)
        except StoreTrouble as trouble:
            raise TryAgain("CB-404", "The database did not do what was asked of it") from trouble
