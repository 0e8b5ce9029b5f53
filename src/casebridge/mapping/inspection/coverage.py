"""Which single values of real records the lines of a map claim, which it ignores, and which are merely kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from casebridge.mapping.inspection.places import general, ignored
from casebridge.mapping.maps import Map
from casebridge.mapping.walk import leaves, spelled


@dataclass(slots=True)
class Coverage:
    """Counts by place (``name[].family``) for one type of record; together they are all values of all records."""

    records: int = 0
    claimed: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def values(self) -> int:
        """All values there were."""
        return self.claimed.total() + self.ignored.total() + self.kept.total()

    def share(self, part: Counter[str]) -> float:
        """The part of all values, from 0 to 1; of no values at all nothing is missing."""
        return part.total() / self.values if self.values else 1.0

    @property
    def claimed_of_read(self) -> float:
        """The claimed part of what is not ignored on purpose, from 0 to 1."""
        read = self.claimed.total() + self.kept.total()
        return self.claimed.total() / read if read else 1.0

    def add(self, map_: Map, data: Mapping[str, Any]) -> None:
        """Count one record. Raises what reading it raises; what a map's ``shape`` nests belongs to other records."""
        found = map_.read(data)
        parents = set(map_.shape.get("parents") or {})
        places = [spelled(where) for where in leaves(dict(data)) if where[0] not in parents]
        kept = set(found.left_over)
        passed = set(ignored(map_.definition, dict(data))) - kept
        self.records += 1
        for place in places:
            part = self.kept if place in kept else self.ignored if place in passed else self.claimed
            part[general(place)] += 1
