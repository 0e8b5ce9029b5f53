"""The tables of rules (``data/sdohcc_*.csv``), read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from casebridge.core import facts
from casebridge_fhir.checking.places import Codes, Path, Place, path

Demand = Literal["required", "absent", "single", "in", "refers"]
Level = Literal["wrong", "doubtful", "not-checked"]
PROFILES = "http://hl7.org/fhir/us/sdoh-clinicalcare/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Condition:
    """``status =rejected|failed``, ``code in fulfill``, ``output exists``."""

    path: Path
    literals: frozenset[str] = frozenset()
    codes: Codes | None = None

    def holds(self, root: Place) -> bool:
        """Whether it is so in this resource."""
        found = [place.value for place in self.path.of(root)]
        if self.literals:
            return any(isinstance(value, str) and value in self.literals for value in found)
        return any(self.codes.hold(value) for value in found) if self.codes else bool(found)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one profile demands at one path; ``value`` says more of the demand (codes, types)."""

    id: str
    profile: str
    when: tuple[Condition, ...]
    path: Path
    demand: Demand
    value: str
    level: Level
    says: str
    do: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of the guide; ``when`` tells the records held to it though they name none (empty: no record)."""

    name: str
    type: str
    when: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """Which value set goes with which category, and the requirement that says so."""

    profile: str
    path: Path
    category: str
    value_set: str
    rule: str
    rule_of_several: str


def _rows(name: str) -> list[dict[str, str]]:
    return facts.rows("casebridge_fhir", f"{name}")


@cache
def code_sets() -> Mapping[str, Codes]:
    """Every named set of codes."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in _rows("sdohcc_codes.csv"):
        found.setdefault(row["set"], set()).add((row["system"], row["code"]))
    return {name: Codes(name, frozenset(pairs)) for name, pairs in found.items()}


@cache
def profiles() -> tuple[Profile, ...]:
    """Every profile of the guide."""
    return tuple(Profile(row["profile"], row["type"], _conditions(row["when"])) for row in _rows("sdohcc_profiles.csv"))


@cache
def rules() -> Mapping[str, tuple[Rule, ...]]:
    """The rules of each profile: its own elements first, then the narrative's."""
    found: dict[str, list[Rule]] = {profile.name: [] for profile in profiles()}
    for row in _rows("sdohcc_elements.csv"):
        found[row["profile"]].append(_rule({"rule": row["profile"], **_ABOUT_ELEMENTS, **row}))
    groups = {name: [r["profile"] for r in _rows("sdohcc_profiles.csv") if name in (r["profile"], r["group"])]
              for name in {row["profile"] for row in _rows("sdohcc_rules.csv")}}  # fmt: skip
    for row in _rows("sdohcc_rules.csv"):
        for profile in groups[row["profile"]]:
            found[profile].append(_rule({**row, "profile": profile}))
    return {name: tuple(listed) for name, listed in found.items()}


@cache
def bindings() -> Mapping[str, tuple[Binding, ...]]:
    """The value sets that go with categories, by profile."""
    found: dict[str, list[Binding]] = {}
    for row in _rows("sdohcc_bindings.csv"):
        one = Binding(row["profile"], path_of(row["path"]), row["category"], row["value_set"], row["rule"],
                      row["rule_of_several"])  # fmt: skip
        found.setdefault(row["profile"], []).append(one)
    return {name: tuple(listed) for name, listed in found.items()}


def path_of(text: str) -> Path:
    """A path of the tables."""
    return path(text, tuple(code_sets().values()))


_ABOUT_ELEMENTS = {"when": "", "level": "wrong", "says": "", "do": ""}


def _rule(row: Mapping[str, str]) -> Rule:
    return Rule(row["rule"], row["profile"], _conditions(row["when"]), path_of(row["path"]), row["demand"],  # type: ignore[arg-type]
                row["value"], row["level"], row["says"], row["do"])  # type: ignore[arg-type]  # fmt: skip


def _conditions(text: str) -> tuple[Condition, ...]:
    return tuple(_condition(one) for one in text.split(" & ")) if text else ()


def _condition(text: str) -> Condition:
    where, _, test = text.partition(" ")
    if test == "exists":
        return Condition(path_of(where))
    if test.startswith("="):
        return Condition(path_of(where), literals=frozenset(test[1:].split("|")))
    return Condition(path_of(where), codes=code_sets()[test.removeprefix("in ")])
