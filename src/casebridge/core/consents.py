"""What a consent permits or refuses, reduced to facts the rules can compare.

Consent is never assumed. A record that is not active, not in its period, has no grantor or does not say to whom and
what for in codes permits nothing until somebody has read it. A refusal needs none of that: it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from casebridge.core import facts
from casebridge.core.moments import earlier, within


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """One decision of the person that stands now.

    ``recipients`` are partner names or classes (``role:cbo``), ``purposes`` ours, ``disclosers`` who may disclose,
    ``labels`` the sensitivity labels it covers by name. In a refusal an empty set means all of them; in a permission
    it means none, except ``disclosers`` under a law that does not ask for one.
    """

    decision: Literal["permit", "deny"]
    recipients: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    disclosers: frozenset[str] = frozenset()
    law: str = ""
    written: bool = False
    ends: bool = False
    id: str = ""

    def reaches(self, recipient_id: str, recipient_role: str) -> bool:
        """Is this recipient named, by itself or as one of its class?"""
        return bool({recipient_id, f"role:{recipient_role}"} & self.recipients)

    def refuses(self, recipient_id: str, recipient_role: str, purpose: str, labels: frozenset[str]) -> bool:
        """Does it refuse this release? What a refusal leaves open it refuses altogether."""
        return (
            self.decision == "deny"
            and (not self.recipients or self.reaches(recipient_id, recipient_role))
            and (not self.purposes or purpose in self.purposes)
            and (not self.labels or bool(self.labels & labels))
        )

    def permits(self, recipient_id: str, recipient_role: str, purpose: str) -> bool:
        """Does it permit a release to this recipient for this purpose?"""
        return (
            self.decision == "permit" and purpose in self.purposes and self.reaches(recipient_id, recipient_role)
        )


def consent_facts(consent: Mapping[str, Any], now: str) -> ConsentFact | None:
    """The fact a consent record stands for on ``now``, or None when it decides nothing.

    Expiry is computed here, both ends of the period included as far as they are known. A revocation acts forward:
    from ``revoked_at`` on. The ids in ``recipients`` and ``discloser`` are taken as they stand; whoever calls
    resolves them to partner names first.
    """
    decision = consent.get("decision")
    if decision not in ("permit", "deny") or not _stands(consent, now):
        return None
    purposes = frozenset(our for code in _texts(consent, "purposes") for our in purposes_of(code))
    recipients = frozenset(_texts(consent, "recipients"))
    if decision == "permit" and not (purposes and recipients and consent.get("grantor")):
        return None
    return ConsentFact(
        decision=decision,
        recipients=recipients,
        purposes=purposes,
        labels=frozenset(_texts(consent, "labels_covered")),
        disclosers=frozenset(_ids(consent.get("discloser"))),
        law=str(consent.get("law") or ""),
        written=consent.get("form") in ("written", "electronic"),
        ends=bool((consent.get("period") or {}).get("end")),
        id=str(consent.get("id") or consent.get("external_id") or ""),
    )


@cache
def purpose_codes() -> dict[str, frozenset[str]]:
    """Codes consents are written in (HL7 PurposeOfUse and ours) to our purposes: ``data/consent_purposes.csv``."""
    rows = facts.rows("casebridge.core", "consent_purposes.csv")
    return {row["code"]: frozenset(row["purposes"].split()) for row in rows}


def purposes_of(code: str) -> frozenset[str]:
    """Our purposes a consent's code stands for; none for a code nobody has looked at."""
    return purpose_codes().get(code, frozenset())


def _stands(consent: Mapping[str, Any], now: str) -> bool:
    """Active on ``now``: neither expired, nor not yet begun, nor revoked."""
    period = consent.get("period") or {}
    revoked = consent.get("revoked_at")
    if revoked and not earlier(now, revoked):
        return False
    alive = consent.get("status") == "active" or (consent.get("status") == "revoked" and bool(revoked))
    return alive and within(now, period.get("start"), period.get("end"))


def _texts(consent: Mapping[str, Any], field: str) -> Iterable[str]:
    values = consent.get(field)
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []


def _ids(ref: object) -> list[str]:
    """The ids of a Ref: ours, or else the source's own."""
    if not isinstance(ref, Mapping):
        return []
    return [str(ref[key]) for key in ("id", "external_id") if ref.get(key)]
