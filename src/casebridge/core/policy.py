"""``decide``: may this leaf leave? Pure: no clock, no I/O; the rules are data (case model, section 4).

Deny outranks review, review outranks redact, redact outranks permit; without a permit the answer is deny, so review
and redact exist only where a permit does. An ``oblige`` rule decides nothing: it adds what must travel along.
"""

from __future__ import annotations

from dataclasses import replace

from casebridge.core.consents import ConsentFact, consent_facts
from casebridge.core.disclosure import Decision, Effect, Purpose, Relation, Request
from casebridge.core.rules import EFFECTS, Rule, Rules, load_rules, standard_rules

__all__ = [
    "ConsentFact", "Decision", "Decisions", "Effect", "Purpose", "Relation", "Request", "Rule", "Rules", "accountable",
    "consent_facts", "decide", "deciding", "load_rules", "standard_rules",
]  # fmt: skip

NOT_NEEDED = Decision("deny", ("minimum",), why="The recipient does not need this for the purpose.")
NO_GROUND = Decision("deny", ("default",), why="No consent, agreement or rule gives a ground for this.")
_ORDER: tuple[Effect, ...] = ("review", "redact", "permit")


def decide(request: Request, rules: Rules | None = None) -> Decision:
    """The decision on one leaf, with the ids of the rules that made it."""
    rules = rules or standard_rules()
    by_effect: dict[str, list[Rule]] = {effect: [] for effect in EFFECTS}
    for rule in rules.fired(request):
        by_effect[rule.effect].append(rule)
    if by_effect["deny"]:
        return _decision("deny", by_effect["deny"])
    if not by_effect["permit"]:
        return NO_GROUND if rules.minimum.form(request) is not None else NOT_NEEDED
    effect = next(e for e in _ORDER if by_effect[e])
    return _granted(effect, by_effect, rules)


class Decisions:
    """The decisions on the fields of one record that is asked for: each is made once, however many leaves it has.

    Equal records (the same kind, labels, source, consents ...) share them: ``deciding`` remembers.
    """

    __slots__ = ("_known", "_request", "_rules")

    def __init__(self, request: Request, rules: Rules) -> None:
        self._request, self._rules = request, rules
        self._known: dict[str, Decision] = {}

    def on(self, field: str) -> Decision:
        """The decision on one field."""
        found = self._known.get(field)
        if found is None:
            found = self._known[field] = decide(replace(self._request, field=field), self._rules)
        return found


MOST_REMEMBERED = 2000


def deciding(request: Request, rules: Rules) -> Decisions:
    """What is decided on the fields of a record; ``request.field`` is empty, and ``now`` decides nothing."""
    asked = replace(request, now="") if request.now else request
    found = rules.remembered.get(asked)
    if found is None:
        if len(rules.remembered) >= MOST_REMEMBERED:
            rules.remembered.clear()
        found = rules.remembered[asked] = Decisions(asked, rules)
    return found


def accountable(ground: str, rules: Rules | None = None) -> bool:
    """Does a release on this ground belong on the person's list of disclosures (45 CFR 164.528)?"""
    return ground in (rules or standard_rules()).accountable


def _granted(effect: Effect, by_effect: dict[str, list[Rule]], rules: Rules) -> Decision:
    permits = by_effect["permit"]
    deciding = by_effect[effect] if effect == "permit" else [*by_effect[effect], *permits]
    ground = min((p.ground for p in permits), key=lambda g: g in rules.accountable)
    counted = ground in rules.accountable
    return _decision(effect, [*deciding, *by_effect["oblige"]], ground=ground, accountable=counted)


def _decision(effect: Effect, fired: list[Rule], *, ground: str = "", accountable: bool = False) -> Decision:
    obligations = tuple(dict.fromkeys(o for rule in fired for o in rule.obligations))
    return Decision(effect, tuple(r.id for r in fired), obligations, fired[0].why, ground, accountable)
