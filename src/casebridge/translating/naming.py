"""What each record is called on the other side, so that references between records hold in what is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from casebridge.adapter import Naming
from casebridge.core.case import PLURALS
from casebridge.mapping import Map
from casebridge.translating.losses import Losses
from casebridge.translating.required import Required
from casebridge.translating.shelf import Kept, Name, Shelf
from casebridge.translating.sides import Side

KEY = re.compile(r"[A-Za-z0-9._:/#-]{1,32}")  # what any target takes as a key: HMIS has 32 characters
THERE = "there"  # in a reference: the target's own name of a record in its own file
SLOTS = {kind: slot for slot, kind in PLURALS.items()}


@dataclass(frozen=True)
class Names:
    """Names records for one target, and finds the map that writes each."""

    target: Side
    shelf: Shelf
    asked: dict[Name, None] = field(default_factory=dict)  # whom the document being written refers to
    answers: list[str | None] = field(default_factory=list)  # how each reference in it is called there
    losses: dict[str, Losses] = field(default_factory=dict)
    required: dict[str, Required] = field(default_factory=dict)
    writing: dict[str, list[tuple[str, Map]]] = field(default_factory=dict)  # by kind: slot, map

    def __post_init__(self) -> None:
        self.losses.update({map_.name: Losses(map_) for map_ in self.target.maps})
        self.required.update({map_.name: Required(map_, self.target.elements[map_.name])
                              for map_ in self.target.maps if map_.name in self.target.elements})  # fmt: skip

    def map_for(self, kept: Kept) -> Map | None:
        """The map whose first slot is the record's kind and that fits it; None when the target has none."""
        if kept.kind not in self.writing:
            self.writing[kept.kind] = [(slot, map_) for slot in (kept.kind, SLOTS[kept.kind])
                                       for map_ in self.target.maps.writing(slot) if map_.case[0] == slot]  # fmt: skip
        record = {k: v for k, v in kept.data.items() if k != "complete"}
        fitting = (map_ for slot, map_ in self.writing[kept.kind]
                   if map_.fits({slot: [record] if slot in PLURALS else record}))  # fmt: skip
        return next(fitting, None)

    def name_all(self) -> None:
        """Name every record that some map writes."""
        for kind in self.shelf.kinds():
            for kept in self.shelf.records(kind):
                if (map_ := self.map_for(kept)) is not None:
                    self.shelf.call(kept, self._name(map_.other, kept.external_id))

    @cached_property
    def _names(self) -> Naming | None:
        """The target's own way to name records, asked for once: to look whether there is one takes long."""
        return self.target.format if isinstance(self.target.format, Naming) else None

    def _name(self, native_type: str, external_id: str) -> Name:
        if self._names is not None:
            reference, _ = self._names.named(native_type, external_id)
            return Name(native_type, reference, reference)
        key = external_id if KEY.fullmatch(external_id) else _digest(external_id)
        return Name(native_type, key, key)

    def id_fields(self, native_type: str, external_id: str) -> Mapping[str, Any]:
        """Fields that hold a record's id where no line of a map writes it."""
        if self._names is not None:
            return self._names.named(native_type, external_id)[1]
        return {}

    def theirs(self, ref: Mapping[str, Any]) -> str | None:
        """How the record a reference points to is called there; None when it is not in the file."""
        if THERE in ref:
            self.answers.append(str(ref[THERE]))
            return str(ref[THERE])
        name = self.shelf.name(str(ref.get("kind")), str(ref.get("external_id") or ""))
        self.answers.append(name.reference if name else None)
        if name is None:
            return None
        self.asked[name] = None
        return name.reference

    def enrollment_of(self, subject: str) -> dict[str, str] | None:
        """A reference to the open enrollment that a person met in the target's own file has there."""
        person = self.shelf.met(subject)
        found = self.shelf.enrollment(person) if person else None
        return {"kind": "participation", "external_id": found, THERE: found} if found else None


def _digest(external_id: str) -> str:
    """A key of 32 characters that is the same each time."""
    return "h" + hashlib.sha256(external_id.encode()).hexdigest()[:31]
