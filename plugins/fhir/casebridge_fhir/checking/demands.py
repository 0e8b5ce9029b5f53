"""What the rules of a profile demand, one function for each kind of demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casebridge import Finding
from casebridge_fhir.checking.expansions import Expansions
from casebridge_fhir.checking.findings import LISTED, finding
from casebridge_fhir.checking.places import Codes, Place
from casebridge_fhir.checking.tables import Rule, code_sets
from casebridge_fhir.references import ABSOLUTE, RELATIVE

_ONLY_ABOUT = frozenset({"id", "extension"})  # SDOHCC conf-5: an extension instead of the value does not count


@dataclass(frozen=True, slots=True)
class Around:
    """What a rule may look at beyond the resource: value sets, and what a Reference leads to in the payload."""

    expansions: Expansions
    find: Callable[[Any], Mapping[str, Any] | None]


def check(rule: Rule, root: Place, around: Around) -> Iterator[Finding]:
    """What this resource lacks of one rule."""
    if all(condition.holds(root) for condition in rule.when):
        yield from _DEMANDS[rule.demand](rule, root, around)


def _required(rule: Rule, root: Place, _: Around) -> Iterator[Finding]:
    for parent in rule.path.parents(root):
        if not any(_is_something(place.value, rule.value) for place in rule.path.ends(parent)):
            missing = Place(parent.pointer, f"{parent.field}.{rule.path.last[0].name}", None)
            says = rule.says or f"{_title(rule)} demands this element"
            yield finding(rule.level, rule.id, "CB-302", says, missing, expected=_wanted(rule), do=rule.do)


def _wanted(rule: Rule) -> str:
    first, *others = rule.path.last
    if first.codes is not None:
        return shown(first.codes)
    return " or ".join(["a value", *(f"{step.name} instead" for step in others)])


def _is_something(value: Any, allowed: str) -> bool:
    if isinstance(value, dict) and not allowed:
        return bool(value.keys() - _ONLY_ABOUT)
    return value not in (None, "", {}, [])


def _absent(rule: Rule, root: Place, _: Around) -> Iterator[Finding]:
    for place in rule.path.of(root)[:1]:
        says = rule.says or f"{_title(rule)} has no place for this element"
        yield finding(rule.level, rule.id, "CB-301", says, place, expected="nothing here",
                      do=rule.do or "Leave the element out.")  # fmt: skip


def _single(rule: Rule, root: Place, _: Around) -> Iterator[Finding]:
    for parent in rule.path.parents(root):
        for place in rule.path.ends(parent)[1:2]:
            says = rule.says or f"{_title(rule)} allows this once"
            yield finding(rule.level, rule.id, "CB-301", says, place, expected="one",
                          do=rule.do or "Keep one of them.")  # fmt: skip


def _in(rule: Rule, root: Place, around: Around) -> Iterator[Finding]:
    says = rule.says or f"{_title(rule)} does not have this code"
    literal = rule.value[1:] if rule.value.startswith("=") else None
    codes = code_sets().get(rule.value) or around.expansions.codes(rule.value)
    for place in rule.path.of(root):
        if literal is not None:
            if _text(place.value) != literal:
                yield finding(rule.level, rule.id, "CB-301", says, place, expected=literal, found=_text(place.value),
                              do=rule.do)  # fmt: skip
        elif codes is None:
            yield not_checked(rule.id, place, rule.value)
        elif not codes.hold(place.value):
            found = place.value if isinstance(place.value, str) else None
            yield finding(rule.level, rule.id, "CB-301", says, place, expected=shown(codes), found=found, do=rule.do)


def _refers(rule: Rule, root: Place, around: Around) -> Iterator[Finding]:
    types = rule.value.split()
    for place in rule.path.of(root):
        target = around.find(place.value)
        kind = type_of(place.value) if target is None else str(target["resourceType"])
        if kind and kind not in types:
            expected = f"a reference to {' or '.join(types)}"
            yield finding(rule.level, rule.id, "CB-301", rule.says, place, expected=expected, found=kind, do=rule.do)


_DEMANDS: Mapping[str, Callable[[Rule, Place, Around], Iterator[Finding]]] = {
    "required": _required, "absent": _absent, "single": _single, "in": _in, "refers": _refers,
}  # fmt: skip


def not_checked(rule: str, place: Place, value_set: str) -> Finding:
    """The codes of this value set are not at hand."""
    return finding("not-checked", rule, "CB-352", "the codes that are allowed here are not at hand", place,
                   expected=f"a code of {value_set}",
                   do="Load the expansion of this value set with --expansions.")  # fmt: skip


def type_of(reference: Any) -> str:
    """The type of resource that a Reference names; nothing when it does not say."""
    if not isinstance(reference, dict):
        return ""
    address, said = reference.get("reference"), reference.get("type")
    if isinstance(address, str):
        if match := RELATIVE.match(address):
            return match["type"]
        if match := ABSOLUTE.match(address):
            return match["local"].partition("/")[0]
    return said if isinstance(said, str) and said.isalpha() else ""


def shown(codes: Codes) -> str:
    """A set of codes for people: the codes, or its name when they are many."""
    listed = sorted(code for _, code in codes.pairs)
    if "*" in listed:
        return f"a code of {next(system for system, code in sorted(codes.pairs) if code == '*')}"
    return f"one of {', '.join(listed)}" if 1 < len(listed) <= LISTED else (
        listed[0] if len(listed) == 1 else f"a code of {codes.name}"
    )  # fmt: skip


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _title(rule: Rule) -> str:
    return f"the profile {rule.profile}"
