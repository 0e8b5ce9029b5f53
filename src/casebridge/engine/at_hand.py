"""What a batch will ask the store for, asked at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from casebridge.core.belonging import external_id_of, subject_of
from casebridge.core.case import records_of
from casebridge.engine import coverage_news, coverages
from casebridge.engine.linking import person_identifiers
from casebridge.engine.site import Partner
from casebridge.store import ledger, links, records, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.links import Identifiers, PersonKey


def for_apply(c: Connection, partner: Partner, messages: Sequence[Message]) -> None:
    """The records of these messages' slices, their persons and referrals, and what the partner holds of them."""
    keys: dict[str, set[str]] = {}  # kind -> the partner's ids
    persons: set[PersonKey] = set()
    identifiers: Identifiers = set()
    insured: set[str] = set()  # of whom a payer says what may bear on what it said before
    for message in messages:
        slice_ = message.document["slice"]
        for kind, path, record in records_of(slice_):
            external_id = external_id_of(message.external_id, kind, path, record)
            keys.setdefault(kind, set()).add(external_id)
            person = external_id if kind == "person" else subject_of(message.external_id, kind, record, slice_)
            persons |= {PersonKey(partner.name, person)} if person else set()
            identifiers |= person_identifiers(c, record) if kind == "person" else set()
            if partner.role in coverage_news.PAYERS and coverages.is_end(kind, record):
                insured.add(person)
            if "coverage" in message.about and (coverages.is_end(kind, record) or record.get("labels")):
                insured.add(message.external_id)
    links.load(c, persons, identifiers)
    records.load(c, partner.name, keys)
    records.load_about(c, partner.name, sorted(insured))
    ours = {kind: records.ids(c, partner.name, kind, said) for kind, said in keys.items()}
    records.load_remotes_of(c, partner.name, ours)
    referrals.load_of_persons(c, partner.name, sorted(p.external_id for p in persons))
    _referrals(c, partner, sorted(keys.get("referral", ())))


def _referrals(c: Connection, partner: Partner, said: Sequence[str]) -> None:
    """The referrals meant by a partner's ids of them: its own, or ours as it calls them."""
    if not said:
        return
    records.load_remotes(c, partner.name, {"referral": said})
    meant = referrals.load_by_source(c, partner.name, said)
    theirs = (records.remote_by_theirs(c, partner.name, "referral", id_) for id_ in said)
    meant |= {remote.our_id for remote in theirs if remote}
    referrals.load(c, sorted({*meant, *said}))
    referrals.load_children(c, sorted(meant))
    records.load_remotes_of(c, partner.name, {"referral": meant})
    ledger.load_unsent(c, sorted(meant))


def _pointed_to(documents: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What these referrals refer to: kind -> the source's ids."""
    found: dict[str, set[str]] = {}
    for document in documents:
        for value in document.values():
            for ref in value if isinstance(value, list) else [value]:
                if isinstance(ref, dict) and "kind" in ref and "external_id" in ref:
                    found.setdefault(ref["kind"], set()).add(ref["external_id"])
    return found


def for_prepare(c: Connection, partner: Partner, messages: Sequence[Message]) -> None:
    """The referrals that these messages are about, the records they are made of, and what stands about the client."""
    ids = sorted({str(m.about["referral"]) for m in messages})
    referrals.load(c, ids)
    records.load_remotes_of(c, partner.name, {"referral": ids})
    found = [r for r in (referrals.get(c, id_) for id_ in ids) if r is not None]
    by_source: dict[str, list[tuple[str, str]]] = {}
    for referral in found:
        by_source.setdefault(referral.source, []).append((referral.asked, referral.subject or ""))
    for source, pairs in by_source.items():
        records.load(c, source, {"referral": {asked for asked, _ in pairs}, "person": {one for _, one in pairs}})
        asked = [records.find(c, source, "referral", external_id) for external_id, _ in pairs]
        records.load(c, source, _pointed_to(a.document for a in asked if a))
    persons = links.load_clients(c, sorted({r.client for r in found if r.client}))
    for source, subjects in persons.items():
        records.load_about(c, source, sorted(subjects))
