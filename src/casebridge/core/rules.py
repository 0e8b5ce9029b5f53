"""The rule table of disclosure (``data/policy.csv``), read once into rules that can be asked.

A cell lists alternatives with ``|``; ``!a|b`` means anything else; empty means any. ``label`` also knows ``sensitive``:
any label but the harmless ones. ``needs`` are conditions that must all hold; ``unless`` lists exemptions, each of one
or several conditions joined with ``+``.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cache
from importlib.resources import files
from typing import Any

from casebridge.core.conditions import Condition, condition
from casebridge.core.disclosure import Request
from casebridge.core.minimum import Minimum

COLUMNS = [
    "id", "effect", "ground", "kind", "field", "label", "source", "recipient", "relation", "purpose", "needs", "unless",
    "obligations", "citation", "why",
]  # fmt: skip
EFFECTS = ("deny", "review", "redact", "permit", "oblige")
_PLAIN: dict[str, Callable[[Request], str]] = {
    "kind": lambda r: r.kind,
    "field": lambda r: r.field.split(".", 1)[0],
    "source": lambda r: r.source_role,
    "recipient": lambda r: r.recipient_role,
    "relation": lambda r: r.relation,
    "purpose": lambda r: r.purpose,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: ``fires`` says whether it applies to a request."""

    id: str
    effect: str
    ground: str
    obligations: tuple[str, ...]
    citation: str
    why: str
    cells: tuple[tuple[Callable[[Request], str], frozenset[str], bool], ...]
    labels: frozenset[str]
    needs: tuple[Condition, ...]
    unless: tuple[tuple[Condition, ...], ...]

    def fits(self, request: Request) -> bool:
        """Do the plain cells fit: kind, field, roles, relation, purpose?"""
        return all((of(request) in values) is wanted for of, values, wanted in self.cells)

    def fires(self, request: Request, minimum: Minimum) -> bool:
        """For a rule that fits: its labels are there, every need holds, no exemption does."""
        return (
            self._labelled(request)
            and all(need(request, minimum) for need in self.needs)
            and not any(all(part(request, minimum) for part in way) for way in self.unless)
        )

    def _labelled(self, request: Request) -> bool:
        if not self.labels:
            return True
        return bool(request.sensitive) if "sensitive" in self.labels else bool(request.labels & self.labels)


@dataclass(frozen=True, slots=True)
class Rules:
    """The table, the allow-lists, the accountable grounds, and their digest as the policy's version."""

    rules: tuple[Rule, ...]
    minimum: Minimum
    accountable: frozenset[str]
    version: str
    remembered: dict[Request, Any] = dataclass_field(default_factory=dict, compare=False, repr=False)
    _fitting: dict[tuple[str, ...], tuple[Rule, ...]] = dataclass_field(default_factory=dict, compare=False, repr=False)

    def fired(self, request: Request) -> list[Rule]:
        """The rules that apply. Which ones fit by their plain cells is remembered: leaves come in great numbers."""
        cells = tuple(of(request) for of in _PLAIN.values())
        fitting = self._fitting.get(cells)
        if fitting is None:
            fitting = self._fitting[cells] = tuple(rule for rule in self.rules if rule.fits(request))
        return [rule for rule in fitting if rule.fires(request, self.minimum)]


@cache
def standard_rules() -> Rules:
    """The rules CaseBridge ships."""
    data = files("casebridge.core").joinpath("data")
    return load_rules(
        *(data.joinpath(f"{n}.csv").read_text(encoding="utf-8") for n in ("policy", "minimum", "grounds"))
    )


def load_rules(policy: str, minimum: str, grounds: str) -> Rules:
    """Rules from the text of the three tables; raises ValueError naming the line that is wrong."""
    reader = csv.DictReader(policy.splitlines())
    if reader.fieldnames != COLUMNS:
        raise ValueError(f"the rule table has the columns {', '.join(COLUMNS)}")
    yes = {row["ground"]: row["accountable"] == "yes" for row in csv.DictReader(grounds.splitlines())}
    rules = tuple(_rule(row, line, set(yes)) for line, row in enumerate(reader, 2))
    digest = hashlib.sha256("\0".join((policy, minimum, grounds)).encode()).hexdigest()[:16]
    accountable = frozenset(ground for ground, counts in yes.items() if counts)
    return Rules(rules, Minimum.from_csv(minimum), accountable, digest)


def _rule(row: dict[str, str], line: int, grounds: set[str]) -> Rule:
    if row["effect"] not in EFFECTS or (row["effect"] == "permit") != (row["ground"] in grounds):
        raise ValueError(f"line {line}: an effect is one of {', '.join(EFFECTS)}, and a permit names its ground")
    try:
        return Rule(
            id=row["id"], effect=row["effect"], ground=row["ground"],
            obligations=tuple(row["obligations"].split()), citation=row["citation"], why=row["why"],
            cells=tuple(_cell(_PLAIN[column], row[column]) for column in _PLAIN if row[column]),
            labels=frozenset(filter(None, row["label"].split("|"))),
            needs=tuple(condition(name) for name in row["needs"].split()),
            unless=tuple(tuple(condition(n) for n in way.split("+")) for way in row["unless"].split()),
        )  # fmt: skip
    except ValueError as e:
        raise ValueError(f"line {line}: {e}") from None


def _cell(of: Callable[[Request], str], text: str) -> tuple[Callable[[Request], str], frozenset[str], bool]:
    wanted = not text.startswith("!")
    return of, frozenset(text.removeprefix("!").split("|")), wanted
