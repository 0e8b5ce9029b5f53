"""The one way out: ``release`` decides leaf by leaf, writes the book, and alone makes a ``Released``.

Every exit (formats, links, doors, e-mails, acknowledgements, counts) takes a ``Released`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from casebridge.core.case import KINDS, PLURALS
from casebridge.core.policy import ConsentFact, Decision, Request, consent_facts, decide
from casebridge.core.released import Released, Withheld, _issue
from casebridge.engine.site import Partner, Site
from casebridge.store import disclosures, links, records
from casebridge.store.database import Connection

WITHHELD = {"absent": "withheld"}


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


@dataclass(slots=True)
class _Tally:
    permitted: list[str] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    rules: dict[str, None] = field(default_factory=dict)
    notices: dict[str, None] = field(default_factory=dict)
    accountable: bool = False


def release(c: Connection, site: Site, outgoing: Outgoing, recipient: Partner, message: str | None) -> Released:
    """What ``recipient`` may have of ``outgoing``; one row on the books, whatever the answer is.

    Without a ``message`` that would be delivered later, it is shown at once.
    """
    asking = _Recipient(
        recipient.name, recipient.role, recipient.vsp, recipient.agreements_on(site.today()),
        "notices" in recipient.format.capabilities)  # fmt: skip
    document, tally = _decided(c, site, outgoing, asking)
    disclosures.add(
        c, site.now(), effect="released" if tally.permitted else "refused", client=outgoing.client, message=message,
        correlation=outgoing.correlation, recipient=recipient.name, purpose=outgoing.purpose,
        permitted=tally.permitted, rules=list(tally.rules), accountable=tally.accountable,
        withheld=[{"path": w.path, "rules": w.rules, "why": w.why} for w in tally.withheld],
        policy=site.rules.version, delivered_at=site.now() if message is None and tally.permitted else None)  # fmt: skip
    return _issued(site, outgoing, recipient.name, document, tally)


def at_the_desk(c: Connection, site: Site, outgoing: Outgoing) -> Released:
    """What the site's own workforce may see, decided like everything else by the rules for ``operations``.

    A look inside the house is a use, not a disclosure (45 CFR 160.103), so the book of disclosures stays as it is.
    """
    asked = Outgoing(outgoing.slice, outgoing.sources, "operations", "none", outgoing.domain, outgoing.client)
    document, tally = _decided(c, site, asked, _Recipient(name="desk", role="site"))
    return _issued(site, asked, "desk", document, tally)


@dataclass(frozen=True, slots=True)
class _Recipient:
    """What the rules ask about whoever would get it."""

    name: str
    role: str
    vsp: bool = False
    agreements: frozenset[str] = frozenset()
    notice_room: bool = False


def _decided(
    c: Connection, site: Site, outgoing: Outgoing, recipient: _Recipient
) -> tuple[dict[str, Any], _Tally]:
    consents = standing_consents(c, site, outgoing.client)
    tally = _Tally()
    document = {
        slot: _slot(site, outgoing, recipient, consents, slot, content, tally)
        for slot, content in outgoing.slice.items()
    }
    return document, tally


def _issued(site: Site, outgoing: Outgoing, recipient: str, document: dict[str, Any], tally: _Tally) -> Released:
    return _issue(
        document=document, recipient=recipient, purpose=outgoing.purpose, policy=site.rules.version,
        permitted=tuple(tally.permitted), withheld=tuple(tally.withheld), notices=tuple(tally.notices))  # fmt: skip


def standing_consents(c: Connection, site: Site, client: str | None) -> tuple[ConsentFact, ...]:
    """What the client permits and refuses today, from every source, with partners called by their names."""
    if client is None:
        return ()
    found = []
    for person in links.persons_of(c, client):
        for record in records.about(c, person.source, person.external_id, "consent"):
            document = {**record.document, "id": record.id}
            document["recipients"] = [_called(site, r) for r in document.get("recipients") or ()]
            document.setdefault("discloser", {"kind": "organization", "id": person.source})
            fact = consent_facts(document, site.now())
            if fact is not None:
                found.append(fact)
    return tuple(found)


def _called(site: Site, recipient: str) -> str:
    return next((p.name for p in site.partners.values() if recipient in p.known_as), recipient)


def _slot(
    site: Site, outgoing: Outgoing, recipient: _Recipient, consents: tuple[ConsentFact, ...], slot: str, content: Any,
    tally: _Tally,
) -> Any:  # fmt: skip
    if slot in KINDS:
        return _record(site, outgoing, recipient, consents, slot, slot, content, tally)
    if slot in PLURALS:
        kind = PLURALS[slot]
        return [
            _record(site, outgoing, recipient, consents, kind, f"{slot}[{i}]", item, tally)
            for i, item in enumerate(content)
        ]
    return content  # `complete`: the names of lists, no data


def _record(
    site: Site, outgoing: Outgoing, recipient: _Recipient, consents: tuple[ConsentFact, ...], kind: str, path: str,
    record: Mapping[str, Any], tally: _Tally,
) -> dict[str, Any]:  # fmt: skip
    source = site.partners.get(outgoing.sources.get(path, ""))
    asked = Request(
        kind=kind, field="", recipient_role=recipient.role, purpose=outgoing.purpose,
        labels=frozenset(record.get("labels") or ()), source_id=source.name if source else "",
        source_role=source.role if source else "", source_part2=bool(source and source.part2),
        source_vsp=bool(source and source.vsp), recipient_id=recipient.name, recipient_vsp=recipient.vsp,
        relation=outgoing.relation, domain=outgoing.domain, record_domain=_text(record.get("domain")),
        consents=consents, agreements=recipient.agreements,
        treatment_switch=site.treatment_switch, coverage_switch=site.coverage_switch,
        notice_room=recipient.notice_room, now=site.now())  # fmt: skip
    walk = _Walk(site, asked, tally, {})
    return {name: walk.leaf(name, f"{path}.{name}", value) for name, value in record.items()}


@dataclass(slots=True)
class _Walk:
    site: Site
    asked: Request
    tally: _Tally
    decided: dict[str, Decision]

    def leaf(self, name: str, path: str, value: Any) -> Any:
        """The value with every leaf that must stay replaced by ``withheld``."""
        if isinstance(value, dict) and not _is_leaf(value):
            return {k: self.leaf(f"{name}.{k}", f"{path}.{k}", v) for k, v in value.items()}
        if isinstance(value, list) and any(isinstance(item, dict) and not _is_leaf(item) for item in value):
            return [self.leaf(name, f"{path}[{i}]", item) for i, item in enumerate(value)]
        if value is None:
            return None
        decision = self._decide(name)
        self.tally.rules.update(dict.fromkeys(decision.rules))
        if not decision.leaves:
            self.tally.withheld.append(Withheld(path, decision.rules, decision.why))
            return WITHHELD
        self.tally.permitted.append(path)
        self.tally.notices.update(dict.fromkeys(decision.obligations))
        self.tally.accountable |= decision.accountable
        return value[:4] if decision.effect == "redact" and isinstance(value, str) else value

    def _decide(self, name: str) -> Decision:
        if name not in self.decided:
            self.decided[name] = decide(replace(self.asked, field=name), self.site.rules)
        return self.decided[name]


def _is_leaf(value: Mapping[str, Any]) -> bool:
    """A missing value and a reference to another record are decided whole."""
    return "absent" in value or ("kind" in value and ("id" in value or "external_id" in value))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def packed(released: Released) -> dict[str, Any]:
    """A release as stored with its message until it is delivered."""
    return asdict(released, dict_factory=_without_seal)


def unpacked(stored: Mapping[str, Any]) -> Released:
    """The release that was stored; the decision itself stands on the books."""
    values = dict(stored)
    values["withheld"] = tuple(Withheld(w["path"], tuple(w["rules"]), w["why"]) for w in values["withheld"])
    return _issue(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _without_seal(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if name != "seal"}
