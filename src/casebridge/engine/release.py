"""The one way out: ``release`` decides leaf by leaf, writes the book, and alone makes a ``Released``.

Every exit (formats, links, doors, e-mails, acknowledgements, counts) takes a ``Released`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from casebridge.core import labels
from casebridge.core.case import records_of
from casebridge.core.policy import ConsentFact, Decision, Request, consent_facts, deciding
from casebridge.core.released import Released, Withheld, _issue, notices_for
from casebridge.core.slices import Leaf, withhold
from casebridge.engine.site import Partner, Site
from casebridge.store import disclosures, links, records
from casebridge.store.database import Connection

OWN = "own-words"
"""The purpose of what goes back to whoever said it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A slice on its way to the door: whose records it is made of, whom it is about and what for.

    ``sources`` names, for each case path of a record (``person``, ``needs[0]``), the partner that asserted it.
    """

    slice: Mapping[str, Any]
    sources: Mapping[str, str]
    purpose: str
    relation: str
    domain: str = ""
    client: str | None = None
    correlation: str | None = None


@dataclass(frozen=True, slots=True)
class _Recipient:
    """What the rules ask about whoever would get it."""

    name: str
    role: str
    vsp: bool = False
    agreements: frozenset[str] = frozenset()
    notice_room: bool = False


def release(c: Connection, site: Site, outgoing: Outgoing, recipient: Partner, message: str | None) -> Released:
    """What ``recipient`` may have of ``outgoing``; one row on the books, whatever the answer is.

    Without a ``message`` that would be delivered later, it is shown at once.
    """
    asking = _Recipient(
        recipient.name, recipient.role, recipient.vsp, recipient.agreements_on(site.today()),
        "notices" in recipient.format.capabilities)  # fmt: skip
    document, decisions = _decided(c, site, outgoing, asking)
    released = _issued(site, outgoing, recipient.name, document, decisions)
    disclosures.add(
        c, site.now(), effect="released" if released.permitted else "refused", client=outgoing.client,
        message=message, correlation=outgoing.correlation, recipient=recipient.name, purpose=outgoing.purpose,
        permitted=released.permitted, rules=sorted({rule for _, d in decisions for rule in d.rules}),
        withheld=[{"path": w.path, "rules": w.rules, "why": w.why} for w in released.withheld],
        accountable=any(d.accountable for _, d in decisions if d.leaves), policy=site.rules.version,
        delivered_at=site.now() if message is None and released.permitted else None)  # fmt: skip
    return released


def at_the_desk(c: Connection, site: Site, outgoing: Outgoing) -> Released:
    """What the site's own workforce may see, decided like everything else by the rules for ``operations``.

    A look inside the house is a use, not a disclosure (45 CFR 160.103), so the book of disclosures stays as it is.
    """
    asked = Outgoing(outgoing.slice, outgoing.sources, "operations", "none", outgoing.domain, outgoing.client)
    document, decisions = _decided(c, site, asked, _Recipient(name="desk", role="site"))
    return _issued(site, asked, "desk", document, decisions)


def own(site: Site, partner: Partner, document: Mapping[str, Any]) -> Released:
    """A partner's own words, given back to itself: nobody learns anything, so nothing is decided and no book kept."""
    return _issue(document=document, recipient=partner.name, purpose=OWN, policy=site.rules.version)


Decisions = list[tuple[Leaf, Decision]]


def _decided(
    c: Connection, site: Site, outgoing: Outgoing, recipient: _Recipient
) -> tuple[dict[str, Any], Decisions]:
    """The slice as far as it may go, and the decision on every leaf."""
    consents = standing_consents(c, site, outgoing.client)
    asked = {
        path: deciding(_asked(site, outgoing, recipient, consents, kind, path, record), site.rules)
        for kind, path, record in records_of(dict(outgoing.slice))
    }
    return withhold(_without_empty(outgoing.slice), lambda leaf: asked[leaf.record].on(leaf.field))


def _asked(
    site: Site, outgoing: Outgoing, recipient: _Recipient, consents: tuple[TakenConsent, ...], kind: str, path: str,
    record: Mapping[str, Any],
) -> Request:  # fmt: skip
    source = site.partners.get(outgoing.sources.get(path, ""))
    domain = record.get("domain")
    return Request(
        kind=kind, field="", recipient_role=recipient.role, purpose=outgoing.purpose,
        labels=labels.names(record.get("labels")), source_id=source.name if source else "",
        source_role=source.role if source else "", source_part2=bool(source and source.part2),
        source_vsp=bool(source and source.vsp), recipient_id=recipient.name, recipient_vsp=recipient.vsp,
        relation=outgoing.relation, domain=outgoing.domain, record_domain=domain if isinstance(domain, str) else "",
        consents=_counts_for(consents, source.name if source else ""), agreements=recipient.agreements,
        treatment_switch=site.treatment_switch,
        coverage_switch=site.coverage_switch, notice_room=recipient.notice_room)  # fmt: skip


def _without_empty(value: Any) -> Any:
    """Without fields that hold nothing: there is nothing to decide about them."""
    if isinstance(value, Mapping):
        return {k: _without_empty(v) for k, v in value.items() if v is not None and v != []}
    return [_without_empty(v) for v in value] if isinstance(value, list) else value


def _issued(
    site: Site, outgoing: Outgoing, recipient: str, document: dict[str, Any], decisions: Decisions
) -> Released:
    leaving = [(leaf, decision) for leaf, decision in decisions if decision.leaves]
    return _issue(
        document=document, recipient=recipient, purpose=outgoing.purpose, policy=site.rules.version,
        permitted=tuple(leaf.path for leaf, _ in leaving),
        withheld=tuple(Withheld(leaf.path, d.rules, d.why) for leaf, d in decisions if not d.leaves),
        notices=notices_for({o for _, d in leaving for o in d.obligations}))  # fmt: skip


@dataclass(frozen=True, slots=True)
class TakenConsent:
    """A consent that stands, and the partner that took it from the client."""

    taken_by: str
    fact: ConsentFact


def standing_consents(c: Connection, site: Site, client: str | None) -> tuple[TakenConsent, ...]:
    """What the client permits and refuses today, from every source, with partners called by their names."""
    if client is None:
        return ()
    found = []
    for person in links.persons_of(c, client):
        for record in records.about(c, person.source, person.external_id, "consent"):
            document = {**record.document, "id": record.id, "recipients": _recipients(site, record.document)}
            document.setdefault("discloser", {"kind": "organization", "id": person.source})
            fact = consent_facts(document, site.now())
            if fact is not None:
                found.append(TakenConsent(person.source, fact))
    return tuple(found)


def _counts_for(consents: tuple[TakenConsent, ...], source: str) -> tuple[ConsentFact, ...]:
    """What stands for a record of ``source``: every refusal, but a permission only if ``source`` itself took it.

    An authorization names who may disclose (45 CFR 164.508(c)(1)(ii)): no partner opens what another one holds.
    """
    return tuple(t.fact for t in consents if t.fact.decision == "deny" or t.taken_by == source)


def _recipients(site: Site, consent: Mapping[str, Any]) -> list[str]:
    """The recipients by their names here. A refusal that names somebody we cannot place refuses everybody."""
    said = [str(r) for r in consent.get("recipients") or ()]
    called = [next((p.name for p in site.partners.values() if r in p.known_as), r) for r in said]
    placed = all(r in site.partners or r.startswith("role:") for r in called)
    return called if placed or consent.get("decision") != "deny" else []


def packed(released: Released) -> dict[str, Any]:
    """A release as stored with its message until it is delivered."""
    values = {f.name: getattr(released, f.name) for f in fields(released) if f.name != "seal"}
    return values | {"withheld": [{"path": w.path, "rules": w.rules, "why": w.why} for w in released.withheld]}


def unpacked(stored: Mapping[str, Any]) -> Released:
    """The release that was stored; the decision itself stands on the books."""
    values = dict(stored)
    values["withheld"] = tuple(Withheld(w["path"], tuple(w["rules"]), w["why"]) for w in values["withheld"])
    return _issue(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
