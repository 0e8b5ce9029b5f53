"""Lineage, by running the interpreter again: which file, row and map line a field came from."""

from __future__ import annotations

from dataclasses import dataclass

from casebridge.adapter import Native
from casebridge.core.errors import Held, MapError
from casebridge.engine.rereading import native_of
from casebridge.engine.site import Site
from casebridge.store import ledger, payloads


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where one case path of one message came from; the value itself is not shown."""

    message: str
    field: str
    file: str
    position: str
    other_path: str
    map: str
    line: int
    column: int
    found: bool
    map_changed: bool


def explain(site: Site, message_id: str, field: str) -> Explanation:
    """Read the record again and follow ``field`` (a case path) through the map of today."""
    with site.store.read() as c:
        message = ledger.get(c, message_id)
        file = payloads.name_of(c, message.payload) if message and message.payload else ""
    if message is None or message.direction != "in" or message.kind == "payload":
        raise Held("CB-507", f"{message_id} is no record that came in", who="it",
                   remedy="Name the message of one record; the console shows it on the referral's page.")  # fmt: skip
    native: Native = native_of(site, message)
    maps = site.partners[message.partner].maps
    if not len(maps):
        raise Held("CB-507", f"the maps of {message.partner} are not in order: mend them first", who="it")
    map_ = maps.find(native.type, native.data)
    if map_ is None:
        raise Held("CB-507", f"no map takes {native.type}: nothing of it was used", who="it")
    path = field if field.partition(".")[0].partition("[")[0] in map_.case else f"{map_.case[0]}.{field}"
    found = map_.explain(native.data, path)
    if not found.line:
        raise MapError("CB-202", f"the map {map_.name} has no line for {field}",
                       remedy="Name a case path such as person.names[0].family.")  # fmt: skip
    return Explanation(
        message=message_id, field=found.case_path, file=file, position=str(native.position),
        other_path=found.other_path, map=found.map, line=found.line, column=found.column, found=found.found,
        map_changed=map_.digest != message.map_digest)  # fmt: skip
