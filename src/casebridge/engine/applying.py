"""The third stop's work: a slice becomes records, links and events of referrals, inside one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from casebridge.core import changes
from casebridge.core.belonging import external_id_of, subject_of
from casebridge.core.case import records_of
from casebridge.engine import coverage_news, coverages, moving
from casebridge.engine.linking import known_client, link_person, person_identifiers
from casebridge.engine.site import Partner, Site
from casebridge.store import links, records, referrals
from casebridge.store.database import Connection
from casebridge.store.ledger import Message
from casebridge.store.links import PersonKey
from casebridge.store.records import StoredRecord

TOLD_OF_A_PERSON = ("names", "telecoms", "addresses", "languages", "status")
"""What a recipient may have to know anew of a person: who it is after all, how to reach them, that they died."""


@dataclass(slots=True)
class Applied:
    """What became of one slice; ``skipped`` says why it is not for us."""

    skipped: str = ""
    correlation: str | None = None
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """Something other partners may have to hear of: ``referral-new``, ``referral-moved``, ``referral-edited`` (its
    source asks for something else), ``referral-taken`` (by another one than who says so now), ``person-changed``,
    ``need-changed``, ``coverage-ended`` (of which ``subject`` of the source; ``since``: its last day, when nothing was
    heard of it before)."""

    name: str
    client: str | None = None
    referral: str | None = None
    side: str = ""
    subject: str = ""
    since: str = ""


def apply_slice(c: Connection, site: Site, partner: Partner, message: Message) -> Applied:
    """Write what one message asserts; raises RecordError or Held, and then nothing is written."""
    slice_ = message.document["slice"]
    done = Applied()
    if partner.applies_to == "roster" and not _on_roster(c, partner, message, slice_):
        return Applied(skipped="not on the roster")
    said = sorted(records_of(slice_), key=lambda r: r[0] != "person")
    named: set[tuple[str, str]] = {(k, external_id_of(message.external_id, k, path, r)) for k, path, r in said}
    others: list[coverages.Meant] = []
    for kind, path, record in said:
        external_id = external_id_of(message.external_id, kind, path, record)
        subject = subject_of(message.external_id, kind, record, slice_)
        if "again" in message.about and _newer(c, partner, message, kind, external_id):
            continue
        document = {k: v for k, v in record.items() if k != "complete"}
        if "change" in message.about:
            document = _changed(c, partner, message, kind, external_id, subject, document)
        if "coverage" in message.about and coverages.is_end(kind, document):
            own, ended = coverages.ended_by(
                c, partner.name, message, external_id, document, named, site.now()[:10])  # fmt: skip
            others += ended
            if not own:
                continue
        after = _write(c, site, partner, message, (kind, external_id, subject), document, done)
        if external_id == message.external_id and kind != "referral":
            _keep_original(c, site, partner, message, kind, after.id)
    if "coverage" in message.about:
        named |= {(other.kind, other.external_id) for other, _ in others}
        others += coverages.relabelled(c, partner.name, message, named)
        for other, document in others:
            _write(c, site, partner, message, (other.kind, other.external_id, other.subject), document, done)
    done.changes = [change for change in done.changes if not _runs_on(c, site, partner, change)]
    return done


def _runs_on(c: Connection, site: Site, partner: Partner, change: Change) -> bool:
    """Is an end no news, as another coverage runs on? Known only when all of the slice is written: a plan may take
    another's place."""
    return change.name == "coverage-ended" and coverage_news.runs_on(c, site, partner.name, change.subject)


def _write(
    c: Connection, site: Site, partner: Partner, message: Message, place: tuple[str, str, str],
    document: dict[str, Any], done: Applied,
) -> StoredRecord:  # fmt: skip
    kind, external_id, subject = place
    before, after = records.assert_record(
        c, site.now(), kind=kind, source=partner.name, external_id=external_id, subject=subject,
        document=document, message=message.id, payload=message.payload, map_digest=message.map_digest)  # fmt: skip
    _follow_record(c, site, partner, message, before, after, done)
    return after


def _newer(c: Connection, partner: Partner, message: Message, kind: str, external_id: str) -> bool:
    """On a replay: a later message wrote this record, and what a source said last stands."""
    known = records.find(c, partner.name, kind, external_id)
    return known is not None and known.message > message.id


def _changed(
    c: Connection, partner: Partner, message: Message, kind: str, external_id: str, subject: str,
    document: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The change laid over the source's last word; what labels the person stays on what is new about them as well."""
    before = records.without(c, records.find(c, partner.name, kind, external_id), message.id)
    person = records.find(c, partner.name, "person", subject) if kind != "person" and subject else None
    known = changes.labelled(before.document if before else {}, person.document.get("labels") if person else None)
    return changes.laid_over(known, document)


def client_of_subject(c: Connection, source: str, subject: str) -> str | None:
    """The client behind a source's person, or None while the person is unknown."""
    return links.client_of(c, PersonKey(source, subject)) if subject else None


def _follow_record(
    c: Connection, site: Site, partner: Partner, message: Message, before: StoredRecord | None, after: StoredRecord,
    done: Applied,
) -> None:  # fmt: skip
    replayed = "again" in message.about  # then ``follow_again`` tells the partners what is new
    if after.kind == "person":
        key = PersonKey(partner.name, after.external_id)
        now_linked = link_person(c, site.now(), key, person_identifiers(c, after.document))
        referrals.follow_person(c, partner.name, after.external_id, now_linked)
        said = before.document if before else {}
        if not replayed and any(said.get(name) != after.document.get(name) for name in TOLD_OF_A_PERSON):
            mine = referrals.open_of_person(c, partner.name, after.external_id)
            done.changes += [Change("person-changed", now_linked, referral, "source") for referral in mine]
    elif after.kind == "referral":
        moved = moving.hear(c, site, partner, message, before, after)
        if moved is not None:
            done.correlation = moved.referral
            if moved.name:
                client = client_of_subject(c, partner.name, after.subject)
                done.changes.append(Change(moved.name, client, moved.referral, moved.side))
    elif after.kind == "need" and before is not None and before.version != after.version and not replayed:
        mine = referrals.open_of_person(c, partner.name, after.subject)
        done.changes += [Change("need-changed", None, referral, "source") for referral in mine]
    elif partner.role in coverage_news.PAYERS and coverage_news.ended(c, site, before, after):
        client = client_of_subject(c, partner.name, after.subject)
        since = "" if before else str(after.document.get("end", ""))
        done.changes = _told_once(done.changes, Change("coverage-ended", client, subject=after.subject, since=since))


def _told_once(changes: list[Change], end: Change) -> list[Change]:
    """Several coverages of one person that end together are one piece of news."""
    same = [change for change in changes if (change.name, change.subject) == (end.name, end.subject)]
    sinces = [change.since for change in [*same, end]]
    return [c for c in changes if c not in same] + [replace(end, since=max(sinces) if all(sinces) else "")]


def _on_roster(c: Connection, partner: Partner, message: Message, slice_: dict[str, Any]) -> bool:
    if links.client_of(c, PersonKey(partner.name, message.external_id)) is not None:
        return True
    person = slice_.get("person")
    return person is None or known_client(c, person_identifiers(c, person)) is not None


def _keep_original(
    c: Connection, site: Site, partner: Partner, message: Message, kind: str, our_id: str
) -> None:
    if moving.is_seen_again(c, partner, message, kind, our_id):
        return
    version = str(message.about.get("version", ""))
    records.keep_remote(
        c, site.now(), partner=partner.name, kind=kind, our_id=our_id, their_id=message.external_id,
        version=version, original=moving.original_of(partner, message, kind), written=False)  # fmt: skip
