"""The conditions a rule may name in its ``needs`` and ``unless`` columns (``data/policy.csv``).

Every condition that looks at labels gets harder to meet, never easier, as labels are added; that is what makes the law
"a label never loosens a decision" hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from casebridge.core.consents import ConsentFact
from casebridge.core.disclosure import PART2, Request
from casebridge.core.minimum import Minimum

Condition = Callable[[Request, Minimum], bool]

OWN_CONSENT = frozenset({"PSYTHPN", "SUDNOTES"})
"""Psychotherapy notes (HL7 ActCode PSYTHPN) and SUD counselling notes (42 CFR 2.11)."""


VIOLENCE = frozenset({"DV", "SDV", "VIO"})
"""What tells of violence: our own label, and HL7 ActCode SDV and VIO."""


def _consents(request: Request) -> Iterator[ConsentFact]:
    """The permissions that name this recipient and this purpose."""
    return (
        c for c in request.consents
        if c.permits(request.recipient_id, request.recipient_role, request.purpose)
    )  # fmt: skip


def refused(request: Request, minimum: Minimum) -> bool:
    """The person has refused this release (45 CFR 164.522(a))."""
    return any(
        c.refuses(request.recipient_id, request.recipient_role, request.purpose, request.labels)
        for c in request.consents
    )


def consent(request: Request, minimum: Minimum) -> bool:
    """A live permission names this recipient and this purpose (45 CFR 164.508)."""
    return any(_consents(request))


def label_consent(request: Request, minimum: Minimum) -> bool:
    """One permission covers every sensitive label of the record by name (a VAWA release: what tells of violence)."""
    return any(request.sensitive - OWN_CONSENT <= _covered(c) for c in _consents(request))


def _covered(fact: ConsentFact) -> frozenset[str]:
    return fact.labels | VIOLENCE if fact.law == "VAWA" and fact.written and fact.ends else fact.labels


def own_consent(request: Request, minimum: Minimum) -> bool:
    """Each kind of counselling notes has a permission that covers it and nothing else (42 CFR 2.31(b))."""
    notes = request.labels & OWN_CONSENT
    return all(any(c.labels == {note} and c.written for c in _consents(request)) for note in notes)


def part2(request: Request, minimum: Minimum) -> bool:
    """The record comes from a Part 2 program."""
    return request.part2


def part2_consent(request: Request, minimum: Minimum) -> bool:
    """A written, ending permission under Part 2 names discloser, recipient and purpose and covers the label (2.31)."""
    return any(
        c.law in ("Part2-TPO", "Part2-specific")
        and c.written
        and (c.ends or c.law == "Part2-TPO")
        and PART2 in c.labels
        and bool(request.source_id)
        and request.source_id in c.disclosers
        for c in _consents(request)
    )


def notice_room(request: Request, minimum: Minimum) -> bool:
    """The format carries the notice and the consent along (42 CFR 2.32)."""
    return request.notice_room


def victim_service(request: Request, minimum: Minimum) -> bool:
    """The record comes from a victim service provider."""
    return request.source_vsp


def victim_recipient(request: Request, minimum: Minimum) -> bool:
    """The recipient is a victim service provider."""
    return request.recipient_vsp


def vawa_release(request: Request, minimum: Minimum) -> bool:
    """A written release under VAWA, limited in time, names recipient and purpose (34 U.S.C. 12291(b)(2))."""
    return any(c.law == "VAWA" and c.written and c.ends for c in _consents(request))


def allowed(request: Request, minimum: Minimum) -> bool:
    """The field is on the allow-list of this role, purpose and domain (``data/minimum.csv``)."""
    return minimum.form(request) is not None


def year_only(request: Request, minimum: Minimum) -> bool:
    """The allow-list gives the year of this date and no more."""
    return minimum.form(request) == "year"


def treatment_switch(request: Request, minimum: Minimum) -> bool:
    """The site takes a referral to an agency as treatment (45 CFR 164.506(c), the site's own reading)."""
    return request.treatment_switch == "treatment"


def coverage_switch(request: Request, minimum: Minimum) -> bool:
    """The site takes news of coverage to a referring provider as connected with the plan (42 CFR 431.302)."""
    return request.coverage_switch == "plan-connected"


def coverage_news(request: Request, minimum: Minimum) -> bool:
    """Only the facts of a coverage change, to the source of an open referral."""
    return (
        request.purpose == "coverage-change"
        and request.relation == "source"
        and request.recipient_role == "covered_entity"
        and request.kind == "participation"
        and minimum.form(request) is not None
    )


def own_status(request: Request, minimum: Minimum) -> bool:
    """The answer to a referral, to the one that made it: it tells them no label they did not write."""
    return request.purpose == "referral-status" and request.relation == "source" and request.kind == "referral"


def agreement(kinds: frozenset[str]) -> Condition:
    """One of these agreements with the recipient is valid now."""
    return lambda request, minimum: bool(request.agreements & kinds)


CONDITIONS: dict[str, Condition] = {
    "refused": refused, "consent": consent, "label-consent": label_consent, "own-consent": own_consent,
    "part2": part2, "part2-consent": part2_consent, "notice-room": notice_room,
    "victim-service": victim_service, "victim-recipient": victim_recipient, "vawa-release": vawa_release,
    "allowed": allowed, "year-only": year_only, "own-status": own_status, "coverage-news": coverage_news,
    "treatment-switch": treatment_switch, "coverage-switch": coverage_switch,
}  # fmt: skip


def condition(name: str) -> Condition:
    """The condition of that name; ``agreement:BAA|DUA`` asks for any of these. Raises ValueError."""
    if name.startswith("agreement:"):
        return agreement(frozenset(name.removeprefix("agreement:").split("|")))
    if name not in CONDITIONS:
        raise ValueError(f"'{name}' is no condition; there are {', '.join(sorted(CONDITIONS))} and agreement:KIND")
    return CONDITIONS[name]
