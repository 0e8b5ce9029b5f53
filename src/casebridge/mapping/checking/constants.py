"""Constants of the case side: what a condition compares must be a code that the case model has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from casebridge.mapping.checking import kinds
from casebridge.mapping.checking.places import At, Known, Spot, known
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.checking.survey import Survey
from casebridge.mapping.notation import Place, nearest


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
