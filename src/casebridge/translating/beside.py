"""The target's own file beside the translation: who is in it already, and the records that new ones hang on.

A referral becomes an event in HMIS only under the client's enrollment there. The people of both files meet by an
identifier that names one person (``scope: person``) and that only one of theirs carries; nobody is met by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from casebridge.adapter import Native
from casebridge.core.case import records_of
from casebridge.core.errors import CaseBridgeError, RecordError
from casebridge.translating.intake import Tell
from casebridge.translating.shelf import Name, Shelf
from casebridge.translating.sides import Side


def lay_beside(file: Path, target: Side, shelf: Shelf, tell: Tell) -> None:
    """Put the file's records on the shelf as what is there already.

    A bad record is passed over: nobody meets it, and nothing hangs on it.
    """
    for number, native in enumerate(target.natives(file), 1):
        tell("reading what is there", number)
        if isinstance(native, RecordError):
            continue
        shelf.lay(native.type, native.external_id, native.data)
        for kind, record in _records(target, native):
            if kind == "person":
                _know(shelf, native, record)
            elif kind == "participation" and _is_open_head(record):
                person = str((record.get("subject") or {}).get("external_id") or "")
                shelf.enroll(person, Name(native.type, native.external_id, native.external_id),
                             str(record.get("entry") or ""))  # fmt: skip


def _records(target: Side, native: Native) -> Iterator[tuple[str, Mapping[str, Any]]]:
    map_ = target.maps.find(native.type, native.data)
    if map_ is None or not {"person", "participation"} & set(map_.case):
        return
    try:
        slice_ = map_.read(native.data).slice
    except CaseBridgeError:
        return
    yield from ((kind, record) for kind, _, record in records_of(slice_))


def _know(shelf: Shelf, native: Native, person: Mapping[str, Any]) -> None:
    for system, value in identifiers(person):
        shelf.know(system, value, Name(native.type, native.external_id, native.external_id))


def identifiers(person: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What names exactly one person: (system, value)."""
    for one in person.get("identifiers") or ():
        if one.get("scope") == "person" and one.get("system") and isinstance(one.get("value"), str):
            yield str(one["system"]), one["value"]


def _is_open_head(participation: Mapping[str, Any]) -> bool:
    """An open enrollment as head of household (HMIS Data Standards 4.20: events are recorded there)."""
    return participation.get("status") == "enrolled" and participation.get("relationship") == "self"


def meet(shelf: Shelf) -> None:
    """People of both files meet."""
    for kept in shelf.records("person"):
        found = {name for system, value in identifiers(kept.data) for name in shelf.known(system, value)}
        if len(found) == 1:
            shelf.meet(kept, found.pop())
