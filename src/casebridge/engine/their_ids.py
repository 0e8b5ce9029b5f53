"""What a partner calls the records that we refer to: the ledger of ids behind ``link`` lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.store import links, records
from casebridge.store.database import Connection
from casebridge.store.links import PersonKey
from casebridge.store.records import StoredRecord


@dataclass(frozen=True, slots=True)
class TheirIds:
    """The partner's own ids for our references: the id ledger behind ``link`` lines."""

    c: Connection
    partner: str
    source: str  # whose references without our id are meant

    def theirs(self, ref: Mapping[str, Any]) -> str | None:
        """What ``partner`` calls the record ``ref`` points to, or None when it does not know it."""
        kind, our_id = str(ref["kind"]), ref.get("id")
        if our_id is None:
            said = ref.get("external_id")
            named = isinstance(said, str) and said.startswith(f"{self.source}/")  # as its source calls it, said in full
            return said if named or self.source == self.partner else None
        record = records.by_id(self.c, our_id)
        if record is not None and record.source == self.partner:
            return record.external_id
        if (remote := records.remote_of(self.c, self.partner, kind, our_id)) is not None:
            return remote.their_id
        return self.own_person(record) if record is not None and kind == "person" else None

    def own_person(self, record: StoredRecord) -> str | None:
        """What ``partner`` calls this person in a record of its own; None when it has none that is surely the same."""
        client = links.client_of(self.c, PersonKey(record.source, record.external_id))
        persons = links.persons_of(self.c, client, self.partner) if client else []
        return persons[0].external_id if persons else None
