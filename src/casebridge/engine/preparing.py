"""The fourth stop's work: from a message about something to a native document its recipient may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.core.case import Referral
from casebridge.core.errors import CaseBridgeError, Held, MapError, quiet_place
from casebridge.core.released import Released
from casebridge.core.transitions import STANDARD
from casebridge.engine import alarms, copies, moving, results
from casebridge.engine.discretion import without_what_is_not_needed
from casebridge.engine.moving import OWN_WORDS
from casebridge.engine.release import Outgoing, packed, release
from casebridge.engine.site import Partner, Site
from casebridge.engine.telling import output_id, result_of
from casebridge.engine.their_ids import TheirIds
from casebridge.mapping import Map
from casebridge.mapping.walk import withheld
from casebridge.store import ledger, links, maptexts, records, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.referrals import StoredReferral

WORDS = ("detail", "reason", "outputs")
"""What the recipient says in its answer besides the state."""
_OF = {"prod": "production", "test": "the test environment"}
_APART = 'Give tests a site of their own, where every partner has environment = "test"; then replay or drop this one.'


_NAMES = frozenset({"subject", "order", "parent"})
_ASKED = frozenset(Referral.model_fields) - OWN_WORDS - {"id"}
"""What its source alone says of a referral: it may say more of it by now than we have heard, and that stays."""
_LISTS = ("needs", "documents", "assessments")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A release in the recipient's notation, the map that wrote it, and what it had no room for."""

    released: Released
    map: Map
    no_room: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A slice, and by slot (``needs[0]``) whose records they are."""

    slice: dict[str, Any]
    sources: dict[str, str]


def prepare_one(c: Connection, site: Site, partner: Partner, message: Message) -> Prepared:
    """Build, decide, translate. Raises Held, RecordError or MapError; the decision stays on the books."""
    if "alarm" in message.about:
        return _prepare_alarm(c, site, partner, message)
    referral = referrals.get(c, message.about["referral"])
    if referral is None:
        raise Held("CB-507", "the referral this is about is gone")
    _stay_apart(site.partners.get(referral.source), partner)
    slot = slot_of(message)
    content = content_of(c, site, partner, message, referral)
    map_ = partner.map_for(slot, content.slice[slot])
    if map_ is None:
        raise MapError("CB-208", f"no map of {partner.name} writes a {message.kind} such as this one")
    outgoing = outgoing_of(partner, message, referral, map_, content)
    with c.attempt():  # a release that could not be written down for its recipient is none; a refusal stays
        released = release(c, site, outgoing, partner, message.id)
        if may_go(message, released):
            return translate(c, partner, message, referral, map_, released)
    raise Held("CB-505", f"nothing of it may go to {partner.name}: {_why_not(message, released)}", who="privacy")


def _stay_apart(source: Partner | None, partner: Partner) -> None:
    """Test and production: a made-up patient keeps no agency busy, and no real one is shown on a test system."""
    if source is not None and source.environment != partner.environment:
        said = f"{source.name} is of {_OF[source.environment]} and {partner.name} of {_OF[partner.environment]}"
        raise Held("CB-508", said, who="it", remedy=_APART)


def _prepare_alarm(c: Connection, site: Site, partner: Partner, message: Message) -> Prepared:
    outgoing, map_ = alarms.outgoing(site, message), partner.map_for("referral")
    if map_ is None:
        raise MapError("CB-208", f"no map of {partner.name} writes an alarm")
    with c.attempt():
        released = release(c, site, outgoing, partner, message.id)
        written = map_.write(released.document, TheirIds(c, partner.name, ""), None)
        return Prepared(released.translated(written.data, map_.other), map_, tuple(written.no_room))


NO_ROOM = ("CB-205", "CB-302", "CB-340", "CB-502")
"""What a partner that is only *also* told cannot take is noted, not held."""
NO_COPY = (*NO_ROOM, "CB-208", "CB-505")


def no_room_is_fine(c: Connection, site: Site, partner: Partner, message: Message, error: CaseBridgeError) -> bool:
    """Was the partner only to be told as well? Then it is noted that it has no place for this; so with a copy that may
    not go to it, or that it has no place for: the referral goes without."""
    copied = message.about.get("record", message.about.get("referral")) != message.about.get("referral")
    if error.code not in (NO_COPY if copied else NO_ROOM if message.about.get("also") else ()):
        return False
    why = ledger.why(error) | {"who": None}
    if error.code not in ("CB-502", "CB-505"):
        why |= {"reason": f"{partner.title} has no place for it"}
    ledger.change(c, message, site.now(), state="skipped", **why)
    facts = {"paths": ["referral"], "why": error.message}
    ledger.note(c, site.now(), "no-room", message, code=error.code, facts=facts)
    return True


def keep_prepared(c: Connection, site: Site, message: Message, prepared: Prepared, dispatch: str, state: str) -> None:
    """Write down what was prepared, with which map and policy, what was withheld and what had no room."""
    shown = state == "shown"
    maptexts.keep(c, prepared.map.digest, prepared.map.name, prepared.map.text)
    ledger.change(
        c, message, site.now(), stop="prepare" if shown else "deliver", state="shown" if shown else "waiting",
        dispatch=dispatch, map_name=prepared.map.name, map_digest=prepared.map.digest,
        policy=prepared.released.policy, document=packed(prepared.released))  # fmt: skip
    withheld = sorted({w.path for w in prepared.released.withheld})
    ledger.note(c, site.now(), "prepared", message, facts={"withheld": withheld})
    if prepared.no_room:
        ledger.note(c, site.now(), "no-room", message, facts={"paths": list(map(quiet_place, prepared.no_room))})


def has_it(c: Connection, partner: Partner, message: Message, prepared: Prepared) -> bool:
    """Does the partner's own original say all of it already, as far as we have seen it?"""
    remote = records.remote_of(c, partner.name, message.kind, message.our_id)
    return remote is not None and remote.original is not None and remote.original == prepared.released.document


def nothing_new(c: Connection, site: Site, partner: Partner, message: Message, prepared: Prepared) -> bool:
    """A copy that the recipient has already as it would be sent stays where it is, and what follows it goes on; so does
    what is said of a referral that the recipient has brought to an end: it will tell us."""
    why = f"{partner.title} has it already" if has_it(c, partner, message, prepared) else ""
    why = why or (f"{partner.title} has ended it" if _ended_there(c, partner, message, prepared) else "")
    if "record" not in message.about or not why:
        return False
    ledger.change(c, message, site.now(), state="skipped", reason=why)
    ledger.note(c, site.now(), "unchanged", message)
    return True


def _ended_there(c: Connection, partner: Partner, message: Message, prepared: Prepared) -> bool:
    """Does the recipient's own Task, as we last saw it, say so? Only a mistake is told it after that."""
    remote = records.remote_of(c, partner.name, message.kind, message.our_id)
    if message.kind != "referral" or remote is None or remote.original is None:
        return False
    over, meant = (_status(prepared.map, data) for data in (remote.original, prepared.released.document))
    known = STANDARD.find(over, "entered-in-error") is not None
    return known and STANDARD.ended(over) and meant != "entered-in-error"


def _status(map_: Map, data: Mapping[str, Any]) -> str:
    return str(map_.read(data).slice.get("referral", {}).get("status"))


def may_go(message: Message, released: Released) -> bool:
    """Is there something of the record it is all about? A name alone, beside what was told before, is no referral."""
    return any(path.startswith(f"{slot_of(message)}.") for path in released.permitted)


def _why_not(message: Message, released: Released) -> str:
    why = dict.fromkeys(w.why for w in released.withheld if w.path.startswith(f"{slot_of(message)}."))
    return "; ".join(why or dict.fromkeys(w.why for w in released.withheld))


def slot_of(message: Message) -> str:
    """The slot of the record it is all about."""
    return message.kind if message.kind == "activity" or "record" in message.about else "referral"


def translate(
    c: Connection, partner: Partner, message: Message, referral: StoredReferral, map_: Map, released: Released,
    *, onto_theirs: bool = True,
) -> Prepared:  # fmt: skip
    """Run the map backward: onto their last original when there is one, else a new record, as a page of ours is."""
    their = TheirIds(c, partner.name, referral.source)
    remote = records.remote_of(c, partner.name, message.kind, message.our_id)
    base = remote.original if remote and onto_theirs else None
    exported = map_.write(released.document, their, base)
    data = exported.data if base is not None else {**_parents(c, partner, map_, released, their), **exported.data}
    return Prepared(released.translated(data, map_.other), map_, tuple(exported.no_room))


def outgoing_of(
    partner: Partner, message: Message, referral: StoredReferral, map_: Map, content: Content
) -> Outgoing:  # fmt: skip
    """The slots the map takes, and whose records they are."""
    wanted = {slot: record for slot, record in content.slice.items() if slot in map_.case}
    relation = "source" if referral.source in (partner.name, partner.acts_for) else (
        "recipient" if partner.name == referral.recipient else "none")  # fmt: skip
    return Outgoing(
        slice=wanted, sources=content.sources, purpose=message.purpose, relation=relation, domain=referral.domain or "",
        client=referral.client, correlation=referral.id)  # fmt: skip


def content_of(
    c: Connection, site: Site, partner: Partner, message: Message, referral: StoredReferral
) -> Content:  # fmt: skip
    """All that the message could tell, before a map takes its slots and the rules their part."""
    if message.kind == "notice":
        notice = {"correlation": referral.id, "detail": message.about["what"]}
        return Content({"referral": notice}, {"referral": referral.source})
    if message.kind == "activity":
        done = copies.content(c, "activity", message.about["activity"], referral)
        return Content({"activity": done}, {"activity": referral.recipient or ""})
    if message.kind != "referral" and "record" in message.about:
        copied = {message.kind: copies.content(c, message.kind, message.our_id, referral)}
        copied = without_what_is_not_needed(partner, referral, copies.asked_for(c, referral), copied)
        record = records.by_id(c, message.our_id)
        return Content(copied, {message.kind: record.source if record else referral.source})
    said = copies.asked_for(c, referral)
    slice_: dict[str, Any] = {"referral": referral_document(c, site, partner, referral, said)}
    person = records.find(c, referral.source, "person", referral.subject or "")
    if person is not None:
        slice_["person"] = {**person.document, "id": person.id}
    slice_["needs"] = _needs(c, referral.source, said)
    slice_ |= _sent_along(c, referral, said)
    slice_ = without_what_is_not_needed(partner, referral, said, slice_)
    sources = dict.fromkeys(slice_, referral.source)
    sources.update({f"{slot}[{i}]": referral.source for slot in _LISTS for i in range(len(slice_.get(slot, ())))})
    return Content(slice_, sources)


def referral_document(
    c: Connection, site: Site, partner: Partner, referral: StoredReferral, said: Mapping[str, Any]
) -> dict[str, Any]:
    """The referral as it stands: what its source asked for (``said``), and the fold of its events."""
    state = moving.state_of(c, site, referral)
    document = dict(said)
    for name in ("external_id", "detail", "reason", "outputs", "at"):
        document.pop(name, None)
    remote = records.remote_of(c, partner.name, "referral", referral.id)
    document |= {"id": referral.id, "correlation": referral.id, "status": state.status, "detail": state.detail,
                 "reason": state.reason, "at": state.at, "category": referral.category,
                 "external_id": remote.their_id if remote else referral.id,
                 "outputs": _outputs(c, partner, referral, state.outputs)}  # fmt: skip
    if _keeps_its_words(site, partner, referral):
        document |= dict.fromkeys(WORDS)
    document.setdefault("occurrence", site.day_of(referral.created_at))
    if partner.name == referral.source and not referral.sort:
        asked = _ASKED if remote and remote.original else _ASKED - _NAMES
        document |= {name: withheld() for name in asked}
    if partner.name == referral.source and referral.sort:
        above = referrals.get(c, referral.parent or "")
        document["parent"] = {"kind": "referral", "external_id": above.external_id} if above else None
    if partner.name != referral.source:
        _point_by_our_ids(c, referral.source, document)
        document.setdefault("contact", _who_to_call(site, referral.source))
    if copies.takes(partner) and partner.name == referral.recipient:
        document |= copies.for_recipient(c, partner, referral)
    if partner.role == "hmis_lead":
        document["participation"] = _enrollment(c, partner, referral)
    return {name: value for name, value in document.items() if value not in (None, [])}


def _keeps_its_words(site: Site, partner: Partner, referral: StoredReferral) -> bool:
    """A Part 2 program's or victim service's own words stay with it: only the state of the referral is told.

    The referral is its source's record, so the rules would judge them as the source's (42 CFR 2.12; 34 U.S.C. 12291).
    """
    recipient = site.partners.get(referral.recipient or "")
    return recipient is not None and recipient.name != partner.name and (recipient.part2 or recipient.vsp)


def _who_to_call(site: Site, name: str) -> str | None:
    """The sender's name and whom to ask there, as the configuration has it."""
    source = site.partners.get(name)
    return ": ".join(filter(None, (source.title, source.contact))) if source else None


def _outputs(
    c: Connection, partner: Partner, referral: StoredReferral, outputs: tuple[Mapping[str, Any], ...]
) -> list[dict[str, Any]]:
    """Each as the activity that it is or that stands for it, and the records of other kinds that the partner has."""
    found = []
    for number, output in enumerate(outputs):
        made = records.find(c, referral.recipient or "", "activity", output_id(referral.id, number))
        activity = result_of(c, referral, output) or made
        own = {name: value for name, value in output.items() if name != "ref"}  # in the recipient's ids
        found.append({**own, "ref": {"kind": "activity", "id": activity.id}} if activity else own)
        result = results.of(c, referral, output)
        if result is not None and results.is_there(c, partner, result):
            found.append({**own, "ref": {"kind": result.kind, "id": result.id}})
    return found


def _sent_along(c: Connection, referral: StoredReferral, said: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The documents and assessments that its source put along with it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, id_ in copies.sent_along(c, referral, said):
        record = records.by_id(c, id_)
        if record is not None:
            found.setdefault(f"{kind}s", []).append(record.document)
    return found


def _needs(c: Connection, source: str, said: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = (records.find(c, source, "need", ref.get("external_id", "")) for ref in said.get("needs") or ())
    return [need.document for need in found if need is not None]


def _point_by_our_ids(c: Connection, source: str, document: dict[str, Any]) -> None:
    """References in the source's own ids mean nothing to another partner: put ours instead."""
    for name, value in document.items():
        if isinstance(value, dict) and "kind" in value and "external_id" in value:
            ours = records.id_of(c, source, value["kind"], value["external_id"])
            document[name] = {"kind": value["kind"], "id": ours} if ours else None
        elif isinstance(value, list):
            document[name] = [v for v in value if not (isinstance(v, dict) and "kind" in v and "external_id" in v)]


def _enrollment(c: Connection, partner: Partner, referral: StoredReferral) -> dict[str, Any]:
    """The client's open enrollment as head of household at this HMIS (HMIS Data Standards 4.20)."""
    for person in links.persons_of(c, referral.client, partner.name) if referral.client else ():
        enrollments = records.about(c, partner.name, person.external_id, "participation")
        heads = [e for e in enrollments if e.status == "enrolled" and e.document.get("relationship") == "self"]
        if heads:
            latest = max(heads, key=lambda e: str(e.document.get("entry") or ""))
            return {"kind": "participation", "id": latest.id}
    raise Held("CB-502", "HMIS has no open enrollment of this person as head of household", who="partner")


def _parents(
    c: Connection, partner: Partner, map_: Map, released: Released, their: TheirIds
) -> dict[str, Any]:
    """The originals of the records a new one hangs on (``shape.parents``, ``from``)."""
    found = {}
    main = released.document.get(map_.case[0], {})
    for name, parent in ((map_.shape or {}).get("parents") or {}).items():
        ref = main.get(parent.get("from", ""))
        their_id = their.theirs(ref) if isinstance(ref, dict) and "kind" in ref else None
        remote = records.remote_by_theirs(c, partner.name, ref["kind"], their_id) if ref and their_id else None
        if remote is not None and remote.original is not None:
            found[name] = remote.original
    return found
