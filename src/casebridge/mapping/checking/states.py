"""The states that the branches of a ``choose`` stand for: which of them can be written, and not only read."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.mapping.checking.places import Spot, known, may_meet, spelled
from casebridge.mapping.checking.report import Judgement, Verdict
from casebridge.mapping.checking.survey import Fork, Survey
from casebridge.mapping.model import BOTH, Branch, Leaf
from casebridge.mapping.paths import Condition


def states(found: Survey) -> Iterator[tuple[Fork, Verdict]]:
    """A verdict for each constant that a branch gives the case side, with its choose."""
    for fork in found.forks:
        for i, branch in enumerate(fork.line.branches):
            for condition in branch.case:
                if condition.test == "equal" and not _has_a_line(found, known(fork.case, condition).spot):
                    yield fork, _state(found, fork, i, branch, condition)


def _has_a_line(found: Survey, spot: Spot) -> bool:
    """Is the place another line's, so that the condition only chooses?"""
    return any(stand.case == spot and stand.role == "value" and stand.ways == BOTH for stand in found.stands)


def _state(found: Survey, fork: Fork, number: int, branch: Branch, condition: Condition) -> Verdict:
    case = known(fork.case, condition)
    other = " & ".join(str(known(fork.other, c)) for c in branch.other)
    verdict, why = _judged(found, fork, number, branch, condition)
    first, *more = condition.values
    shown = " and ".join(f"{c.path} = {c.values[0]}" for c in branch.other if c.test == "equal") or other
    return Verdict(
        f"{spelled(case.spot)}={'|'.join(condition.values)}", other, "export" if more else "import", verdict, why,
        f"{more[0]} -> {shown} -> {first}" if more else "", branch.place, fork.line.loss if more else "",
    )  # fmt: skip


def _judged(
    found: Survey, fork: Fork, number: int, branch: Branch, condition: Condition
) -> tuple[Judgement, str]:
    if fork.ways != BOTH:
        return "one-way", f"only: {min(fork.ways)}" if fork.ways else "the partner alone writes there"
    if len(condition.values) > 1:
        return "lossy", f"several codes of ours are one there, and come back as `{condition.values[0]}`"
    if unwritten := _unwritten(found, fork, number, branch):
        return "one-way", f"no line writes `{unwritten}`, so the state is read and never written"
    if _by_reference(branch):
        return "canonical", "written only where the reference is to a kind of record that the line names"
    if needed := _needed(fork, branch):
        return "canonical", f"written only together with {needed}"
    return "lossless", "a branch of `choose`"


def _needed(fork: Fork, branch: Branch) -> str:
    """What must be there on the other side, whatever it holds, for the state to be read."""
    tests = [c for c in branch.other if c.test not in ("equal", "absent")]
    if tests:
        return f"`{spelled(known(fork.other, tests[0]).spot)}`"
    in_item = any(at.each for at in fork.case) and all(c.test == "absent" for c in branch.other)
    return "another field of its item" if in_item else ""


def _by_reference(branch: Branch) -> bool:
    """Does the branch write a reference? One that it cannot read leaves the state with nothing to write."""
    return any(isinstance(line, Leaf) and line.link and line.link.kinds for line in branch.fields)


def _unwritten(found: Survey, fork: Fork, number: int, branch: Branch) -> str:
    """The first place that must be there for the branch to be read, and that export does not write."""
    for condition in branch.other:
        spot = known(fork.other, condition).spot
        if condition.test not in ("equal", "absent") and not _written(found, fork, number, spot):
            return spelled(spot)
    return ""


def _written(found: Survey, fork: Fork, number: int, spot: Spot) -> bool:
    """Does a line of the branch, or one outside the choose, write at the place or below it?"""
    return any(
        "export" in stand.ways and len(stand.other) >= len(spot) and may_meet(stand.other, spot)
        and dict(stand.branches).get(fork.number, number) == number
        for stand in found.stands
    )
