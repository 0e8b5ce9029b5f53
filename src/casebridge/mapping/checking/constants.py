"""Constants of the case side: what a condition compares, or import fills in, must be a code the case model has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.checking import kinds
from casebridge.mapping.checking.places import At, Known, Spot, known, steps_of
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.checking.survey import Stand, Survey
from casebridge.mapping.model import Leaf
from casebridge.mapping.notation import Place, nearest
from casebridge.mapping.translate import to_case
from casebridge.mapping.walk import text_of


def check(found: Survey) -> Iterator[Finding]:
    """Constants in ``when``, in branches and in selectors that no case record can have."""
    for condition in found.definition.when:
        yield from _constant(found, known((), condition), found.definition.place)
    for fork in found.forks:
        for branch in fork.line.branches:
            for condition in branch.case:
                yield from _constant(found, known(fork.case, condition), branch.place)
    for stand in found.stands:
        for said in stand.when:
            yield from _constant(found, said, stand.line.place)
        for said in _selected(stand.case):
            yield from _constant(found, said, stand.line.place)
        if stand.role == "value" and isinstance(stand.line, Leaf) and "import" in stand.line.if_missing:
            yield from _missing(found, stand, stand.line, stand.line.if_missing["import"])
    for path, constant in found.definition.defaults.get("import", ()):
        yield from _filled_in(found, steps_of(path), constant, found.definition.place)


def _missing(found: Survey, stand: Stand, line: Leaf, said: str) -> Iterator[Finding]:
    """``if_missing`` is in the partner's spelling, so the line reads it as any value."""
    try:
        constant = to_case(line, said)
    except CaseBridgeError:
        yield Finding(
            "CB-220", line.place, f"`if_missing` gives `{said}`, which the line cannot read",
            "A record without it would be held.", "Give a value that the partner could have sent.",
        )  # fmt: skip
        return
    if isinstance(constant, str | bool):
        yield from _filled_in(found, stand.case, constant, line.place)


def _filled_in(found: Survey, spot: Spot, constant: str | bool, place: Place) -> Iterator[Finding]:
    field, value = kinds.field_of(found.definition, spot), text_of(constant)
    codes = kinds.strange(field, value)
    if codes is not None:
        yield Finding(
            "CB-220", place, f"`{field}` of the case model never is `{value}`{nearest(value, codes)}",
            "A record without it would be held.", f"It takes {', '.join(sorted(codes))}.",
        )  # fmt: skip


def _selected(spot: Spot) -> Iterable[Known]:
    for i, step in enumerate(spot):
        for condition in step.selector or ():
            yield known((*spot[:i], At(step.key)), condition)


def _constant(found: Survey, said: Known, place: Place) -> Iterator[Finding]:
    field = kinds.field_of(found.definition, said.spot)
    for value in said.condition.values:
        codes = kinds.strange(field, value)
        if codes is not None:
            yield Finding(
                "CB-220", place, f"`{said}`: `{field}` of the case model never is `{value}`{nearest(value, codes)}",
                "The condition would never hold.", f"It takes {', '.join(sorted(codes))}.",
            )  # fmt: skip
