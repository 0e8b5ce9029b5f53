"""The second stop's work: payloads become native records, each becomes a message with its slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from casebridge.adapter import Native
from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import CaseBridgeError, RecordError, quiet_place
from casebridge.core.slices import references_in
from casebridge.engine.keys import check_keys, keyed
from casebridge.engine.moving import OWN_WORDS
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import Told, is_elsewhere, known, write_held
from casebridge.mapping import Map
from casebridge.store import ledger, maptexts, payloads, records
from casebridge.store.database import Connection
from casebridge.store.ledger import Message

LEFT_OVER = 100  # places named in a report of what no line of a map reads
URGENT = ("urgent", "asap", "stat")


@dataclass(frozen=True, slots=True)
class Read:
    """One thing read out of a payload: its ``number``-th record, or, without one, its end and what was wrong.

    ``size``: so many bytes of the payload were read for it.
    """

    message: Message
    number: int
    native: Native | RecordError | None
    error: CaseBridgeError | None = None
    size: int = 0


def natives_of(site: Site, partner: Partner, message: Message) -> Iterator[Read]:
    """The records of a payload in order, without those that a worker before this one had kept; then its end."""
    number, before = int(message.about.get("read", 0)), 0
    try:
        stream = payloads.open_payload(site.store, message.payload or "")
        for native in islice(partner.format.parse(stream, partner.shapes), number, None):
            number, at = number + 1, stream.raw.tell()
            yield Read(message, number, keyed(native), size=max(0, at - before))
            before = at
    except Exception as error:
        if is_elsewhere(error):
            raise
        yield Read(message, number, None, known(error))
    else:
        yield Read(message, number, None)


def keep(c: Connection, site: Site, partner: Partner, found: Sequence[Read]) -> Told:
    """Write the messages of what was read, and how far each payload is. What something urgent would wait behind hurries
    as well (it is of the same key), and what it refers to: it has to be there first."""
    _have_at_hand(c, partner, found)
    for message, number in {r.message.id: (r.message, r.number) for r in found if r.native is not None}.values():
        ledger.change(c, message, site.now(), about={"read": number})
    known = [(read, None if read.native is None else _columns(c, partner, read.native)) for read in found]
    hurried = _hurried([columns for _, columns in known if columns])
    if hurried:
        ledger.hurry(c, partner.name, hurried)
    told: Told = []
    for read, columns in known:
        if columns is None:
            told.append(_end(c, site, read))
            continue
        if columns["state"] == "waiting" and columns["order_key"] in hurried:
            columns["urgent"] = True  # else the urgent one would wait behind it in another line
        _keep_native(c, site, partner, read.message, columns)
    return told


def _hurried(found: Sequence[Mapping[str, Any]]) -> set[str]:
    """The keys of what is urgent, and of what it refers to among what was read, however indirectly."""
    waiting = [columns for columns in found if columns.get("urgent")]
    if not waiting:
        return set()
    by_id = {columns["external_id"]: columns for columns in found if columns["external_id"]}
    keys: set[str] = set()
    while waiting:
        columns = waiting.pop()
        keys |= {columns["order_key"]} - {None}
        named = references_in((columns.get("document") or {}).get("slice"))
        waiting += [by_id.pop(id_) for id_ in named if id_ in by_id]
    return keys


def _have_at_hand(c: Connection, partner: Partner, found: Sequence[Read]) -> None:
    for message in {r.message.id: r.message for r in found}.values():
        ledger.load_places(c, message.id, [_place(r.native) for r in found if r.native and r.message is message])
    versioned = [r.native for r in found if isinstance(r.native, Native) and r.native.version]
    ids: dict[str, set[str]] = {}
    for native in versioned:
        map_ = partner.maps.find(native.type, native.data)
        if map_ is not None:
            ids.setdefault(map_.case[0], set()).add(native.external_id)
    records.load_remotes(c, partner.name, ids)


def _end(c: Connection, site: Site, read: Read) -> dict[str, Any]:
    message = read.message
    if read.error is not None:
        return write_held(c, site, message, read.error)
    ledger.change(c, message, site.now(), state="done")
    ledger.note(c, site.now(), "understood", message, facts={"records": read.number})
    return {"name": "understood", "message": message.id, "partner": message.partner, "stop": "understand",
            "state": "done"}  # fmt: skip


def _place(native: Native | RecordError) -> dict[str, Any]:
    return native.position.as_dict() or {"pointer": native.external_id}


def _columns(c: Connection, partner: Partner, native: Native | RecordError) -> dict[str, Any]:
    """The columns of its message, and ``left_over``: what no line of a map read."""
    external_id = native.external_id
    values = held_at("understand", native) if isinstance(native, RecordError) else understood(c, partner, native)
    order_key = partner.quiet(getattr(native, "order_key", "") or external_id)
    is_held = values["state"] == "held"
    return {"kind": getattr(native, "type", "unreadable"), "order_key": order_key or None, "position": _place(native),
            "external_id": (partner.quiet(external_id) if is_held else external_id) or None, **values}  # fmt: skip


def _keep_native(c: Connection, site: Site, partner: Partner, parent: Message, columns: dict[str, Any]) -> None:
    left_over = columns.pop("left_over", [])
    id_ = ledger.add(
        c, site.now(), direction="in", partner=partner.name, parent=parent.id, payload=parent.payload, **columns)
    if id_:
        report(c, site, partner, id_, left_over)


def report(c: Connection, site: Site, partner: Partner, message: str, left_over: Sequence[str]) -> None:
    """Put on the books what no line of a map with ``rest: report`` read: the places, never the values."""
    if left_over:
        facts = {"paths": list(map(quiet_place, left_over[:LEFT_OVER])), "more": len(left_over[LEFT_OVER:])}
        ledger.note(c, site.now(), "left-over", message=message, partner=partner.name, stop="understand", facts=facts)


def understood(c: Connection, partner: Partner, native: Native) -> dict[str, Any]:
    """The columns of a native record's message: on to *apply*, not for us, or held."""
    map_ = partner.maps.find(native.type, native.data)
    if map_ is None:
        return {"stop": "understand", "state": "skipped", "reason": "no map takes it: not for us"}
    echo = _is_echo(c, partner, native, map_.case[0])
    about: dict[str, Any] = {"version": native.version} if native.version else {}
    about |= {name: True for name in ("change", "coverage") if getattr(native, name)}
    values: dict[str, Any] = {"map_name": map_.name, "map_digest": map_.digest, "about": about}
    try:
        imported = map_.read(native.data)
        slice_ = imported.slice
        if map_.case[0] == "person":  # of whom nothing is known yet is a person all the same
            slice_.setdefault("person", {})
        for kind, _, record in records_of(slice_):
            validate_record(kind, record, native.position)
            check_keys(record, native.position)
        left_over = imported.left_over if map_.rest == "report" else []
    except Exception as error:  # noqa: BLE001 - a converter is a stranger's code; only this record is held
        if echo:
            return dict(_ECHO)
        found = known(error)
        return {**values, **held_at("understand", found), **_where_to_mend(found, map_)}
    if echo and not _asks_otherwise(c, partner, map_.case[0], native, slice_):
        return dict(_ECHO)
    maptexts.keep(c, map_.digest, map_.name, map_.text)
    document = {"slice": slice_, "native": native.data}
    return {**values, "stop": "apply", "state": "waiting", "document": document, "left_over": left_over,
            "urgent": is_urgent(slice_.get("referral"))}  # fmt: skip


def is_urgent(referral: Mapping[str, Any] | None) -> bool:
    """Does it go in an urgent lane? (FHIR R4 request-priority: urgent, asap, stat)"""
    return (referral or {}).get("priority") in URGENT


def held_at(stop: str, error: CaseBridgeError) -> dict[str, Any]:
    """The columns of a message that is held at a stop."""
    return {"stop": stop, "state": "held", **ledger.why(error)}


def _where_to_mend(error: CaseBridgeError, map_: Map) -> dict[str, str]:
    """A code without a row is mended in the partner's own map, not in one that comes with the gateway."""
    if error.code != "CB-205":
        return {}
    name = "/".join(map_.path.parts[-2:])
    own = f"lay one of your own over {map_.name} (base: {name.removesuffix('.yaml')}) and name it for the partner"
    return {"remedy": f"If it is a code of theirs, add a row for it in {name} where that map is the site's own, else "
                      f"{own}; give the row `import` as its third cell if only this partner writes it; then replay. "
                      "If it is a mistake, ask the partner to correct the record and resend it."}  # fmt: skip


_ECHO = {"stop": "understand", "state": "skipped", "reason": "our own change, seen again"}


def _asks_otherwise(c: Connection, partner: Partner, slot: str, native: Native, slice_: Mapping[str, Any]) -> bool:
    """Is there news around our own change? A hospital edits the order beside a Task that we wrote last."""
    before, now = records.find(c, partner.name, slot, native.external_id), slice_.get(slot)
    if before is None or not isinstance(now, Mapping):
        return False
    names = (before.document.keys() | now.keys()) - OWN_WORDS - {"complete"}
    return any(before.document.get(name) != now.get(name) for name in names)


def _is_echo(c: Connection, partner: Partner, native: Native, slot: str) -> bool:
    remote = records.remote_by_theirs(c, partner.name, slot, native.external_id) if native.version else None
    return remote is not None and remote.written_version == native.version
