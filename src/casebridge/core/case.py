"""The 14 kinds of the case model and the envelope every record carries (case model, section 1).

A *slice* is plain JSON: one slot per kind, in the singular for one record (``person``) or the plural for a list
(``participations``), and ``complete``: the names of the lists in which what is missing has ended.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationError

from casebridge.core.errors import Position, RecordError
from casebridge.core.refusal import refusal
from casebridge.core.values import (
    Absent,
    Address,
    Characteristic,
    Coding,
    Dispute,
    Goal,
    Identifier,
    Item,
    Kind,
    Label,
    Language,
    Moment,
    Money,
    Name,
    PartialDate,
    Period,
    Recorded,
    Ref,
    Relation,
    Sex,
    Source,
    TeamMember,
    Telecom,
    Text,
)  # fmt: skip


class Record(Recorded):
    """The envelope. ``id``, ``kind``, ``version``, ``source`` and ``recorded_at`` are the store's to set."""

    id: str | None = None
    kind: Any = None
    version: int | None = None
    external_id: str | None = None
    subject: Ref | None = None
    status: Text | None = None
    effective: Period | None = None
    labels: list[Label] | None = None
    source: Source | None = None
    recorded_at: Moment | None = None
    disputes: list[Dispute] | None = None
    extra: dict[str, Any] | None = None


class Person(Record):
    """A person as one source describes them; ``person_kind`` marks one who only stands by a client."""

    status: Literal["active", "inactive", "deceased"] | Absent | None = None
    person_kind: Literal["related"] | None = None
    identifiers: list[Identifier] | None = None
    names: list[Name] | None = None
    birth: PartialDate | Absent | None = None
    deceased: Moment | bool | None = None
    sexes: list[Sex] | None = None
    languages: list[Language] | None = None
    addresses: list[Address] | None = None
    telecoms: list[Telecom] | None = None
    characteristics: list[Characteristic] | None = None
    relations: list[Relation] | None = None


class Organization(Record):
    """An agency, a hospital, a payer; ``part2`` and ``vsp`` decide which wall its data stands behind."""

    status: Literal["active", "inactive"] | Absent | None = None
    identifiers: list[Identifier] | None = None
    name: Text | None = None
    names: list[Name] | None = None
    role: Literal["covered_entity", "business_associate", "cbo", "hmis_lead", "payer", "vsp", "school",
                  "government"] | None = None  # fmt: skip
    part2: bool | None = None
    vsp: bool | None = None
    addresses: list[Address] | None = None
    telecoms: list[Telecom] | None = None


class Location(Record):
    """A site of an organization."""

    organization: Ref | None = None
    name: Text | None = None
    addresses: list[Address] | None = None
    telecoms: list[Telecom] | None = None
    hours: str | None = None


class Program(Record):
    """A project or service one can be referred to; ``items`` are what else its source says of it.

    ``domains`` are the needs it is for; ``as_of`` is when its source last said how it stands.
    A ``roster`` is a payer's group of patients.
    """

    status: Literal["active", "inactive"] | Absent | None = None
    organization: Ref | None = None
    location: Ref | None = None
    name: Text | None = None
    names: list[Name] | None = None
    program_kind: str | Absent | None = None
    domains: list[str] | None = None
    taxonomy: list[Coding] | None = None
    capacity: str | None = None
    capacity_note: Text | None = None
    as_of: Moment | None = None
    costs: str | None = None
    documents_needed: str | None = None
    languages: list[Language] | None = None
    criteria: str | None = None
    telecoms: list[Telecom] | None = None
    items: list[Item] | None = None


class Worker(Record):
    """A person who works for an organization, a ``post`` one holds there, or ``software`` that does a part of it."""

    status: Literal["active", "inactive"] | Absent | None = None
    worker_kind: Literal["post", "software"] | None = None
    organization: Ref | None = None
    person: Ref | None = None
    identifiers: list[Identifier] | None = None
    names: list[Name] | None = None
    roles: list[Coding] | None = None
    credentials: list[Coding] | None = None
    addresses: list[Address] | None = None
    telecoms: list[Telecom] | None = None


class Case(Record):
    """A case opened for a person; its team may change."""

    status: Literal["planned", "waitlist", "active", "onhold", "finished", "cancelled",
                    "entered-in-error"] | Absent | None = None  # fmt: skip
    case_kind: str | None = None
    organization: Ref | None = None
    team: list[TeamMember] | None = None
    opened: Moment | None = None
    closed: Moment | None = None
    reason: Text | None = None


class Participation(Record):
    """Enrollment, eligibility and coverage span in one, on two time axes: effective and received.

    ``items`` are the questions asked when it began or ended. ``as_of`` is the day for which ``performers`` say so.
    A payer that is no record of ours is told by ``payer_id`` and ``payer_name``.
    """

    status: Literal["applied", "pending", "eligible", "enrolled", "waitlisted", "denied", "suspended",
                    "ended", "cancelled", "appeal"] | Absent | None = None  # fmt: skip
    participation_kind: Literal["program", "coverage", "benefit"] | None = None
    program: Ref | None = None
    plan: Text | None = None
    line: Text | None = None
    household: str | None = None
    relationship: Text | None = None
    role: str | None = None
    engaged_on: Moment | None = None
    entry: Moment | None = None
    end: Moment | None = None
    reason: Text | None = None
    destination: Text | None = None
    scope: str | None = None
    renewal_due: Moment | None = None
    payer: Ref | None = None
    payer_id: Identifier | None = None
    payer_name: Text | None = None
    member_id: str | None = None
    program_code: Coding | None = None
    as_of: Moment | None = None
    performers: list[Ref] | None = None
    evidence: list[Ref] | None = None
    items: list[Item] | None = None


class Need(Record):
    """A social risk or a strength. ``domain`` is one of the 24 SDOHCC categories, ``categories`` are all others.

    ``domain_display`` are the source's own words for the domain, in every kind that has one.
    ``verification`` says how unsure its ``asserter`` is; ``software`` is what found it, where no person did.
    """

    status: Literal["identified", "confirmed", "in-plan", "resolved", "unresolved", "declined",
                    "refuted", "entered-in-error"] | Absent | None = None  # fmt: skip
    domain: Text | None = None
    domain_display: str | None = None
    codes: list[Coding] | None = None
    polarity: Literal["risk", "strength"] | None = None
    categories: list[Coding] | None = None
    verification: Literal["unconfirmed", "provisional", "differential"] | None = None
    asserter: Ref | None = None
    software: Ref | None = None
    severity: str | None = None
    evidence: list[Ref] | None = None
    note: Text | None = None


class Assessment(Record):
    """A screening, a functional or income assessment, a living situation; HUD stage where it has one.

    ``performers`` say so, by a ``technique``; ``focus`` is whom it is about where that is not the subject; ``panel``
    marks several answers under one instrument, ``members`` are answers that are records of their own,
    ``derived_from`` is what an answer was worked out from. ``form`` is set where its ``items`` stand as on a filled-in
    form: headings, questions without an answer and all.
    """

    status: Literal["in-progress", "completed", "amended", "entered-in-error"] | Absent | None = None
    participation: Ref | None = None
    instrument: Coding | None = None
    form: Literal["questionnaire"] | None = None
    assessment_kind: str | None = None
    domains: list[str] | None = None
    categories: list[Coding] | None = None
    date: Moment | None = None
    issued: Moment | None = None
    performers: list[Ref] | None = None
    technique: Coding | None = None
    focus: Ref | None = None
    interpretation: Coding | None = None
    panel: bool | None = None
    members: list[Ref] | None = None
    derived_from: list[Ref] | None = None
    stage: Literal["entry", "update", "exit", "annual", "post-exit"] | None = None
    items: list[Item] | None = None
    scores: list[Item] | None = None
    method: Text | None = None
    outcome: Text | None = None
    note: Text | None = None


class Plan(Record):
    """A service plan with its goals."""

    status: Literal["draft", "active", "revised", "completed", "revoked"] | Absent | None = None
    case: Ref | None = None
    goals: list[Goal] | None = None
    actions: list[str] | None = None
    method: str | None = None


ReferralStatus = Literal[
    "draft", "requested", "accepted", "rejected", "in-progress", "on-hold", "completed", "failed", "cancelled",
    "entered-in-error",
]  # fmt: skip


class Referral(Record):
    """The bridge's own record: ``id`` is the correlation id, ``status`` the fold of its events."""

    status: ReferralStatus | Absent | None = None
    correlation: str | None = None
    requester: Ref | None = None
    recipient: Ref | None = None
    candidates: list[Ref] | None = None
    domain: Text | None = None
    service: Coding | None = None
    category: str | None = None
    needs: list[Ref] | None = None
    goals: list[Ref] | None = None
    intent: Literal["service", "assess"] | None = None
    priority: Literal["routine", "urgent", "asap", "stat"] | None = None
    needed_by: Moment | None = None
    ready_at: Moment | None = None
    held_until: Moment | None = None
    occurrence: Moment | None = None
    authored: Moment | None = None
    note: Text | None = None
    contact: str | None = None
    do_not_contact: bool | None = None
    consent: Ref | None = None
    attachments: list[Ref] | None = None
    due_by: Moment | None = None
    parent: Ref | None = None
    order: Ref | None = None
    participation: Ref | None = None
    detail: Text | None = None
    reason: Text | None = None
    at: Moment | None = None
    outcome: Text | None = None
    inputs: list[Item] | None = None
    outputs: list[Item] | None = None
    items: list[Item] | None = None


class Activity(Record):
    """Something done with or for a person: a service, a visit, a note, a report; ``items`` tell more of it."""

    status: Literal["planned", "booked", "arrived", "done", "noshow", "cancelled",
                    "entered-in-error"] | Absent | None = None  # fmt: skip
    participation: Ref | None = None
    activity_kind: Literal[
        "outreach", "service", "appointment", "reminder", "contact", "note", "visit", "transport", "counselling",
        "crisis", "advocacy", "mediation", "mandated_report", "patient_task",
    ] | None = None  # fmt: skip
    code: Coding | None = None
    domain: str | None = None
    domain_display: str | None = None
    planned: Period | None = None
    actual: Period | None = None
    requester: Ref | None = None
    authored: Moment | None = None
    priority: Literal["routine", "urgent", "asap", "stat"] | None = None
    based_on: list[Ref] | None = None
    material: Ref | None = None
    inputs: list[Item] | None = None
    outputs: list[Item] | None = None
    performer: Ref | None = None
    quantity: Money | None = None
    unit: str | None = None
    text: Text | None = None
    about: list[Ref] | None = None
    items: list[Item] | None = None


class Consent(Record):
    """Permits or refuses. Expiry is computed, never stored; revocation acts forward only."""

    status: Literal["draft", "proposed", "active", "revoked", "superseded", "rejected",
                    "entered-in-error"] | Absent | None = None  # fmt: skip
    decision: Literal["permit", "deny"] | None = None
    grantor: Ref | None = None
    authority: Literal["self", "guardian", "court"] | None = None
    discloser: Ref | None = None
    custodian: Ref | None = None
    recipients: list[str] | None = None
    labels_covered: list[str] | None = None
    purposes: list[str] | None = None
    data_period: Period | None = None
    period: Period | None = None
    form: Literal["written", "electronic", "verbal", "inferred"] | None = None
    given: Moment | None = None
    revoked_at: Moment | None = None
    law: Literal["HIPAA", "Part2-TPO", "Part2-specific", "VAWA", "HMIS-ROI", "FERPA"] | None = None
    document: Ref | None = None


class Document(Record):
    """A file or an order. A file is kept elsewhere (``storage``) or comes along (``data``, base64); an order is known
    by what it asks for."""

    status: Literal["current", "superseded", "entered-in-error"] | Absent | None = None
    title: Text | None = None
    media_type: str | None = None
    data: str | None = None
    sha256: str | None = None
    storage: str | None = None
    document_type: Coding | None = None
    state: str | None = None
    intent: str | None = None
    priority: str | None = None
    domain: Text | None = None
    domain_display: str | None = None
    categories: list[Coding] | None = None
    service: Coding | None = None
    requester: Ref | None = None
    authored: Moment | None = None
    about: list[Ref] | None = None
    attachments: list[Ref] | None = None
    based_on: list[Ref] | None = None
    note: Text | None = None
    do_not_contact: bool | None = None


KINDS: dict[str, type[Record]] = {
    "person": Person, "organization": Organization, "location": Location, "program": Program, "worker": Worker,
    "case": Case, "participation": Participation, "need": Need, "assessment": Assessment, "plan": Plan,
    "referral": Referral, "activity": Activity, "consent": Consent, "document": Document,
}  # fmt: skip

PLURALS: dict[str, str] = {
    "persons": "person", "organizations": "organization", "locations": "location", "programs": "program",
    "workers": "worker", "cases": "case", "participations": "participation", "needs": "need",
    "assessments": "assessment", "plans": "plan", "referrals": "referral", "activities": "activity",
    "consents": "consent", "documents": "document",
}  # fmt: skip


def records_of(slice_: dict[str, Any]) -> list[tuple[Kind, str, dict[str, Any]]]:
    """The records of a slice as (kind, case path, plain record), singular slots first."""
    found: list[tuple[Kind, str, dict[str, Any]]] = []
    for slot, content in slice_.items():
        if slot in KINDS:
            found.append((slot, slot, content))  # type: ignore[arg-type]
        elif slot in PLURALS:
            found += [(PLURALS[slot], f"{slot}[{i}]", item) for i, item in enumerate(content)]  # type: ignore[misc]
    return found


def validate_record(kind: str, record: dict[str, Any], position: Position | None = None) -> None:
    """Raise :class:`RecordError` CB-306 when ``record`` is not a valid ``kind``; values are never shown."""
    model = KINDS[kind]
    try:
        model.model_validate(record)
    except ValidationError as e:
        first = refusal(e, record, model)
        more = f" (and {first.others} more)" if first.others else ""
        raise RecordError(
            "CB-306", f"the case model refuses this {kind}{more}", position=position,
            field=f"{kind}.{first.field}" if first.field else kind, expected=first.expected, found=first.found,
        ) from None  # fmt: skip
