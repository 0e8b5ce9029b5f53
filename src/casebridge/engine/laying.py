"""Laying records on a partner's shelf: what it said itself, and what was delivered to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from casebridge.adapter import Searched, Thing
from casebridge.engine.site import Partner, Site
from casebridge.store import shelves, subscriptions
from casebridge.store.database import Connection
from casebridge.store.ledger import Message


def put(
    c: Connection, now: str, partner: Partner, type_: str, id_: str, document: Mapping[str, object] | None,
    keys: Sequence[tuple[str, str]], message: str = "",
) -> shelves.Shelved:  # fmt: skip
    """Lay a record on the partner's shelf, to be found by ``keys_of`` it."""
    said = dict(document) if document is not None else None
    subscriptions.note(c, now, partner.name, type_, id_, keys if said is not None else None)
    return shelves.put(c, now, partner.name, type_, id_, said, keys, message=message)


def keys_of(partner: Partner, document: Mapping[str, object] | None) -> Sequence[tuple[str, str]]:
    """What a record is found by; nothing for what was withdrawn."""
    return tuple(partner.format.keys(document)) if document is not None and isinstance(partner.format, Searched) else ()


def moved(c: Connection, partner: Partner, thing: Thing) -> Thing | None:
    """What lies on the partner's shelf, when it is not the version that ``thing`` was prepared upon."""
    type_, id_ = _place(partner, thing)
    there = shelves.get(c, partner.name, type_, id_)
    version = there.version if there else 0
    if str(version + 1) == thing.version:
        return None
    return Thing(thing.record, thing.external_id, str(version), there.document if there else None)


def deliver(c: Connection, site: Site, partner: Partner, message: Message, thing: Thing) -> None:
    """Lay what was sent on the partner's shelf."""
    put(c, site.now(), partner, *_place(partner, thing), thing.original, keys_of(partner, thing.original), message.id)


def _place(partner: Partner, thing: Thing) -> tuple[str, str]:
    assert isinstance(partner.format, Searched)  # noqa: S101  (app.py looked)
    return partner.format.shelved(thing.original or {})
