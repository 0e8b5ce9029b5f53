"""What a referral refers to, copied to a recipient with a server of its own (SDOHCC 3.0.0, Indirect Referral).

The person, the needs and who asks are copied as far as ``release`` lets them go; an order of our own is made from what
the source asks for; the referral itself comes last. Each is a message of its own, and all about one person leave one
after the other, so that nothing refers to what is not there yet, and no two of them make the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from casebridge.core.referral import BEGUN
from casebridge.engine.site import Partner
from casebridge.engine.their_ids import TheirIds
from casebridge.mapping.tree import withheld
from casebridge.store import records, referrals
from casebridge.store.database import Connection
from casebridge.store.referrals import StoredReferral

SOURCE_MOVES = ("cancelled", "entered-in-error")
"""States that come to the recipient from us; every other is the recipient's own to tell."""
_ORDERED = ("subject", "priority", "domain", "service", "note", "do_not_contact", "authored", "labels")
COPY_OF = "urn:casebridge:dispatch"
"""The system of the identifier by which a copy is known again."""
NOT_IDENTIFIED = {"use": "anonymous", "text": "Not identified yet"}


def takes(to: Partner) -> bool:
    """Does the partner get copies? Its map of referrals says so: a parent there is ours (``owner: ours``)."""
    map_ = to.map_for("referral")
    parents = (map_.shape.get("parents") or {}) if map_ else {}
    return any(said.get("owner") == "ours" for said in parents.values())


def messages(c: Connection, referral: StoredReferral, to: Partner) -> list[tuple[str, dict[str, Any]]]:
    """What is to be sent of a referral, in order: kind, and what each message is about.

    A person of whom the recipient has a record of its own is not copied.
    """
    said = asked_for(c, referral)
    person = [one for one in _person(c, referral) if not _has_its_own(c, to, referral, one[1])]
    copied = [*person, *_needs(c, referral, said), *sent_along(c, referral, said), *_requester(c, referral, said)]
    found = [*((kind, id_) for kind, id_ in copied), ("document", referral.id), ("referral", referral.id)]
    return [(kind, {"referral": referral.id, "record": id_}) for kind, id_ in found]


def order_key(c: Connection, referral: StoredReferral) -> str:
    """What leaves one after the other: everything about one person as its source knows it."""
    return next((f"person:{id_}" for _, id_ in _person(c, referral)), referral.id)


def content(c: Connection, kind: str, our_id: str, referral: StoredReferral) -> dict[str, Any]:
    """The record that is copied, or our order, with references in our ids."""
    if kind == "document" and our_id == referral.id:
        return _order(c, referral)
    record = records.by_id(c, our_id)
    document = in_our_ids(c, record.source, record.document) if record else {}
    if kind == "person" and not document.get("names"):  # something of them has to be there, or no order can be
        document["names"] = [NOT_IDENTIFIED]
    if kind in ("person", "organization"):  # the identifier we know it by there stays
        document["identifiers"] = [*(document.get("identifiers") or ()), {"system": COPY_OF, "value": our_id}]
    return document


def for_recipient(c: Connection, partner: Partner, referral: StoredReferral) -> dict[str, Any]:
    """What the referral says more, or leaves as it is, where it is written on the recipient's own server."""
    more: dict[str, Any] = {
        "order": {"kind": "document", "id": referral.id},
        "parent": {"kind": "referral", "external_id": f"{referral.source}/{referral.asked}"},
        "inputs": _inputs_there(c, partner, referral)}  # fmt: skip
    there = records.remote_of(c, partner.name, "referral", referral.id) is not None
    if there and referral.status not in SOURCE_MOVES:
        more |= {name: withheld() for name in ("status", "detail", "reason")}
    return more


def _inputs_there(c: Connection, partner: Partner, referral: StoredReferral) -> list[dict[str, Any]]:
    """What was sent along with the Task, as far as the recipient has its copy; a name alone would tell of the rest."""
    inputs = in_our_ids(c, referral.source, asked_for(c, referral).get("inputs") or [])
    there = ((one, one.get("ref")) for one in inputs)
    return [one for one, ref in there if ref and records.remote_of(c, partner.name, ref["kind"], ref["id"])]


def in_our_ids(c: Connection, source: str, value: Any) -> Any:
    """The value with references in the source's own ids as references in ours; those to what we do not know go."""
    if isinstance(value, Mapping):
        if "kind" in value and "external_id" in value:
            return _ours(c, source, value)
        inner = {name: in_our_ids(c, source, item) for name, item in value.items()}
        return {name: item for name, item in inner.items() if item is not None}
    if isinstance(value, list):
        return [item for item in (in_our_ids(c, source, one) for one in value) if item is not None]
    return value


def _ours(c: Connection, source: str, ref: Mapping[str, Any]) -> dict[str, Any] | None:
    kind, external_id = str(ref["kind"]), str(ref["external_id"])
    if id_ := records.id_of(c, source, kind, external_id):
        return {"kind": kind, "id": id_}
    remote = records.remote_by_theirs(c, source, kind, external_id)
    if remote is None:
        return None
    about = referrals.get(c, remote.our_id) if kind == "document" else None
    if about is not None:  # our own order there: for others it is the one that it is based on
        return in_our_ids(c, about.source, asked_for(c, about).get("order"))  # type: ignore[no-any-return]
    return {"kind": kind, "id": remote.our_id}


def _order(c: Connection, referral: StoredReferral) -> dict[str, Any]:
    said = asked_for(c, referral)
    order = {name: said[name] for name in _ORDERED if said.get(name)}
    order |= {"state": referral.status, "intent": "filler-order"}
    order["effective"] = {"start": said.get("occurrence")} if said.get("occurrence") else None
    if referral.category and not order.get("service"):
        order["service"] = {"system": "urn:casebridge:service", "code": referral.category}
    order["about"] = [{"kind": "need", "id": id_} for _, id_ in _needs(c, referral, said)]
    order["attachments"] = [{"kind": kind, "id": id_} for kind, id_ in _attached(c, referral, said.get("attachments"))]
    order["requester"] = next(({"kind": kind, "id": id_} for kind, id_ in _requester(c, referral, said)), None)
    order = in_our_ids(c, referral.source, order)
    based_on = (said.get("order") or {}).get("external_id")
    order["based_on"] = [{"kind": "document", "external_id": f"{referral.source}/{based_on}"}] if based_on else None
    return {name: value for name, value in order.items() if value not in (None, [])}


def asked_for(c: Connection, referral: StoredReferral) -> dict[str, Any]:
    """What the source asks for."""
    asked = records.find(c, referral.source, "referral", referral.asked)
    return asked.document if asked else {}


def _person(c: Connection, referral: StoredReferral) -> Iterator[tuple[str, str]]:
    yield from _known(c, referral.source, "person", [{"external_id": referral.subject or ""}])


def _needs(c: Connection, referral: StoredReferral, said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _known(c, referral.source, "need", said.get("needs") or ())


def sent_along(c: Connection, referral: StoredReferral, said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Documents, findings and forms that the source chose to send along, with the Task or with the order.

    Not to one of several who are asked, before it has accepted: they can name anybody (see ``discretion``).
    """
    if referral.sort == "offer" and referral.status not in BEGUN:
        return
    refs = [one.get("ref") or {} for one in said.get("inputs") or ()]
    found = dict.fromkeys(_attached(c, referral, [*refs, *(said.get("attachments") or ())]))
    yield from sorted(found, key=lambda one: not _is_form(c, one[1]))  # answers point to the form they stand on


def _is_form(c: Connection, id_: str) -> bool:
    record = records.by_id(c, id_)
    return record is not None and record.document.get("form") is not None


def _attached(
    c: Connection, referral: StoredReferral, refs: Iterable[Mapping[str, Any]] | None
) -> Iterator[tuple[str, str]]:
    for ref in refs or ():
        if ref.get("kind") in ("document", "assessment"):
            yield from _known(c, referral.source, str(ref["kind"]), [ref])


def _requester(c: Connection, referral: StoredReferral, said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The organization that asks; of a worker, the one they work for."""
    ref = said.get("requester") or {}
    if ref.get("kind") == "worker":
        worker = records.find(c, referral.source, "worker", str(ref.get("external_id")))
        ref = (worker.document.get("organization") or {}) if worker else {}
    if ref.get("kind") == "organization":
        yield from _known(c, referral.source, "organization", [ref])


def _has_its_own(c: Connection, to: Partner, referral: StoredReferral, our_id: str) -> bool:
    record = records.by_id(c, our_id)
    copied = records.remote_of(c, to.name, "person", our_id) is not None
    return not copied and record is not None and bool(TheirIds(c, to.name, referral.source).own_person(record))


def _known(
    c: Connection, source: str, kind: str, refs: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    for ref in refs:
        if id_ := records.id_of(c, source, kind, str(ref.get("external_id"))):
            yield kind, id_
