"""The other side's paths against its schema: does the field exist, and does what stands there fit the line?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from casebridge.core.native import Element
from casebridge.mapping.checking import kinds
from casebridge.mapping.checking.places import At, Spot, keys_of, spelled, steps_of
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.checking.survey import Stand, Survey
from casebridge.mapping.model import Group, Leaf
from casebridge.mapping.notation import Place, nearest
from casebridge.mapping.paths import Condition
from casebridge.mapping.walk import text_of

BOOLEAN = frozenset({"true", "false"})


@dataclass(frozen=True, slots=True)
class Side:
    """The other side of one map."""

    root: Element | None
    name: str  # fhir-r4/Patient
    known: dict[tuple[str, ...], Mapping[str, Element]] = field(default_factory=dict, compare=False, repr=False)

    def at(self, spot: Spot) -> Element | None:
        """What stands at a place, or None where the schema does not know."""
        return self.under(keys_of(spot))

    def under(self, keys: tuple[str, ...]) -> Element | None:
        """As :meth:`at`, by the names of the fields on the way."""
        if not keys:
            return self.root
        above = self.under(keys[:-1])
        return self.fields(keys[:-1], above).get(keys[-1]) if above is not None and above.type != "any" else None

    def fields(self, keys: tuple[str, ...], element: Element) -> Mapping[str, Element]:
        """The fields of the element at ``keys``; asked of the format once, which may make them anew each time."""
        if keys not in self.known:
            self.known[keys] = element.fields
        return self.known[keys]

    def codes(self, spot: Spot) -> frozenset[str] | None:
        """All the values a place may have, or None where it is open."""
        found = self.at(spot)
        if found is None:
            return None
        return BOOLEAN if found.type == "boolean" and found.codes is None else found.codes

    def is_single(self, spot: Spot) -> bool:
        """Is it known not to be a list?"""
        found = self.at(spot)
        return found is not None and not found.many and found.type != "any"


def check(found: Survey, side: Side) -> Iterator[Finding]:
    """Every path of the other side that does not exist or does not fit."""
    if side.root is None:
        return
    wrong: set[Spot] = set()  # what stands below a place that does not fit is not told again
    for stand in found.stands:
        if any(stand.other[: len(spot)] == spot for spot in wrong):
            continue
        said = list(_path(side, _above(stand), stand.line.place)) or list(_fits(found, side, stand))
        if said and stand.role in ("group", "list"):
            wrong.add(stand.other)
        yield from said
    for fork in found.forks:
        for branch in fork.line.branches:
            yield from _conditions(side, fork.other, branch.other, branch.place)
    yield from _conditions(side, (), found.definition.match, found.definition.place)
    for path in found.definition.ignore:
        yield from _path(side, steps_of(path), found.definition.place)
    yield from _written(found, side)


def _written(found: Survey, side: Side) -> Iterator[Finding]:
    """The constants that export writes: of ``with``, ``if_missing`` and ``defaults``."""
    for path, constant in found.definition.defaults.get("export", ()):
        place = found.definition.place
        yield from list(_path(side, steps_of(path), place)) or _strange(side, steps_of(path), constant, place)
    for stand in found.stands:
        if stand.constant and "export" in stand.ways:
            yield from _strange(side, stand.other, stand.constant.constant, stand.line.place)
        if stand.role == "value" and isinstance(stand.line, Leaf) and "export" in stand.line.if_missing:
            yield from _strange(side, stand.other, stand.line.if_missing["export"], stand.line.place)


def _strange(side: Side, spot: Spot, constant: str | bool, place: Place) -> Iterator[Finding]:
    codes, value = side.codes(spot), text_of(constant)
    if codes is not None and value not in codes:
        yield Finding(
            "CB-220", place, f"`{spelled(spot)}` never is `{value}`{nearest(value, codes)}",
            f"It is one of {_some(codes)}; what would be written the partner's format does not have.",
            "Write one of these.",
        )  # fmt: skip


def _above(stand: Stand) -> Spot:
    """The parts of a split text are no fields."""
    return stand.other[:-1] if stand.role == "part" else stand.other


def _path(side: Side, spot: Spot, place: Place) -> Iterator[Finding]:
    """The first step of a path that the schema does not have."""
    element = side.root
    for i, step in enumerate(spot):
        if element is None or element.type == "any":
            return
        if not step.key:
            continue
        known = side.fields(keys_of(spot[:i]), element)
        path = spelled(spot[: i + 1])
        if step.key not in known:
            yield _missing(side, element, step, path, known, place)
            return
        element = known[step.key]
        if step.selector is not None and not element.many and element.type not in ("group", "any"):
            yield _no_list(step, path, place)
            return
        if step.selector is not None:
            yield from _conditions(side, (*spot[:i], At(step.key)), step.selector, place)


def _missing(
    side: Side, element: Element, step: At, path: str, known: Iterable[str], place: Place
) -> Finding:
    names = sorted(known)
    if not names:
        return Finding(
            "CB-215", place, f"`{side.name}` has nothing below `{path.rpartition('.')[0]}`: it is one value, so there "
            f"is no `{step.key}` in it", "The line would never find anything.", "Name the value itself.",
        )  # fmt: skip
    near = nearest(step.key, names)
    said = near or f"; it has {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}"
    return Finding(
        "CB-215", place, f"`{side.name}` has no `{path}`{said}",
        "The line would always read nothing and write where nobody looks.",
        f"Write `{near[len('; did you mean `'):-2]}`." if near else "Name a field that the record has.",
    )  # fmt: skip


def _no_list(step: At, path: str, place: Place) -> Finding:
    return Finding(
        "CB-216", place, f"`{step.key}` is one value, so `{path}` cannot pick an item of it",
        "The selector would never hold.", f"Write `{step.key}` alone, or put the condition into `with:`.",
    )  # fmt: skip


def _conditions(side: Side, group: Spot, conditions: Iterable[Condition], place: Place) -> Iterator[Finding]:
    """Paths and constants of conditions."""
    for condition in conditions:
        if condition.path.up:
            continue
        spot = (*group, *steps_of(condition.path))
        broken = list(_path(side, spot, place))
        yield from broken
        codes = None if broken else side.codes(spot)
        for value in condition.values:
            if codes is not None and value not in codes:
                near = nearest(value, codes)
                yield Finding(
                    "CB-220", place, f"`{condition}`: `{condition.path}` never is `{value}`{near}",
                    f"It is one of {_some(codes)}, so the condition would never hold.",
                    "Write one of these.",
                )  # fmt: skip


def _fits(found: Survey, side: Side, stand: Stand) -> Iterator[Finding]:
    element = side.at(_above(stand))
    if element is None:
        return
    place, path = stand.line.place, spelled(stand.other)
    if stand.role == "list" and not element.many and element.type != "any":
        yield Finding("CB-216", place, f"`each: {path}`: `{path}` is not a list in `{side.name}`",
                      "There would never be more than one item, and it would be written as a list.",
                      f"Write `in: {path}` instead of `each:`.")  # fmt: skip
    if stand.role == "group" and isinstance(stand.line, Group) and not stand.line.split and _one_value(element):
        yield Finding("CB-216", place, f"`in: {path}`: `{path}` is one value in `{side.name}`, not a group",
                      "The lines below would never find anything.", f"Write `at: {path}`.")  # fmt: skip
    if "export" in stand.ways:
        yield from _first_items(side, stand)
    if stand.role in ("value", "flag") and stand.ways:
        yield from _value(found, stand, element)


def _one_value(element: Element) -> bool:
    return element.type not in ("group", "any")


def _first_items(side: Side, stand: Stand) -> Iterator[Finding]:
    """A plain step through a list would be written as one group."""
    for i, step in enumerate(stand.other[:-1]):
        element = side.at(stand.other[: i + 1])
        if element is not None and element.many and step.selector is None and not step.each and element.type != "any":
            path = spelled(stand.other[: i + 1])
            yield Finding(
                "CB-216", stand.line.place, f"`{path}` is a list in `{side.name}`: `{spelled(stand.other)}` must "
                "say which item it means",
                "Export would write one group where the format has a list.",
                f"Write `{step.key}(...=...)` with what tells the item from others, or `{step.key}()` for the first.",
            )  # fmt: skip


def _value(found: Survey, stand: Stand, element: Element) -> Iterator[Finding]:
    name = kinds.field_of(found.definition, stand.case)
    plain = isinstance(stand.line, Leaf) and not (stand.line.codes or stand.line.convert or stand.line.link)
    place, path = stand.line.place, spelled(stand.other)
    if element.type == "group" and not element.many and not _takes_group(name):
        yield Finding("CB-216", place, f"`{path}` is a group in the partner's record, and `{name}` is one value",
                      "The value would be refused by the case model.",
                      f"Say which field of it: {_some(f'{path}.{name}' for name in element.fields)}.")  # fmt: skip
    elif plain and element.type == "boolean" and kinds.types_of(name) and bool not in kinds.types_of(name):
        yield Finding("CB-216", place, f"`{path}` is true or false, and `{name}` is text",
                      "true would be refused by the case model.",
                      "Add `codes: {rows: [[..., true], [..., false]], otherwise: refuse}`.")  # fmt: skip
    elif plain and stand.role == "value" and kinds.is_boolean(name) and element.type not in ("boolean", "any"):
        yield Finding("CB-216", place, f"`{name}` is true or false, and `{path}` is {element.type}",
                      "Text would be refused by the case model, also the text `true`.",
                      "Add `as: boolean01`, `as: yes_no` or `codes:` with rows such as [true, Y].")  # fmt: skip


def _takes_group(name: str) -> bool:
    return not kinds.types_of(name) or kinds.is_group(name)


def _some(values: Iterable[str]) -> str:
    found = sorted(values)
    return ", ".join(found[:8]) + (" ..." if len(found) > 8 else "")

