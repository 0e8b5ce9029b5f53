"""A verdict for each line and direction; every loss is signed, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from casebridge.mapping.checking import kinds, losses
from casebridge.mapping.checking.losses import Loss
from casebridge.mapping.checking.places import spelled
from casebridge.mapping.checking.report import Finding, Verdict, Way
from casebridge.mapping.checking.sides import Side
from casebridge.mapping.checking.states import states
from casebridge.mapping.checking.survey import Fork, Stand, Survey, values
from casebridge.mapping.checking.tables import Use, uses
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import BOTH, Flags, Group, Leaf, Line
from casebridge.mapping.notation import Place

WAYS: tuple[Way, ...] = ("import", "export")


@dataclass(slots=True)
class Judged:
    """The verdicts, what is wrong with the signatures, and the codes without a way through."""

    verdicts: list[Verdict] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    gaps: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class _Signatures:
    """Which lines and tables need their signature, by what stands for each: place of line, id of table."""

    needed: set[object] = field(default_factory=set)


def judge(found: Survey, side: Side) -> Judged:
    """All verdicts of a map."""
    judged, signatures = Judged(), _Signatures()
    used = {id(use.stand): use for use in uses(found, side)}
    told: set[int] = set()
    for stand in values(found):
        if isinstance(stand.line, Flags):
            if stand.owner in told:
                continue
            told.add(stand.owner)
        for way in WAYS:
            if way in stand.ways:
                _judge(found, side, stand, used.get(id(stand)), way, judged, signatures)
    for fork, verdict in states(found):
        judged.verdicts.append(verdict)
        if verdict.verdict == "lossy":
            signatures.needed.add(fork.line.place)
            if not verdict.signed:
                judged.errors.append(_merged(fork, verdict))
    judged.errors += _idle(found, list(used.values()), signatures)
    judged.verdicts.sort(key=lambda v: (v.place.file, v.place.line, v.place.column))
    return judged


def _judge(
    found: Survey, side: Side, stand: Stand, use: Use | None, way: Way, judged: Judged, signatures: _Signatures
) -> None:
    lossy = list(_losses(found, stand, use, way)) + list(_unfit(found, side, stand, way, judged))
    signed = _signed(stand, use, lossy, signatures)
    one_way = stand.ways != BOTH
    if lossy and not one_way and not signed:
        judged.errors.append(_unsigned(stand, use, way, lossy[0]))
    if use:
        judged.gaps += losses.gaps(use, way)
    why, witness = (lossy[0].why, lossy[0].witness) if lossy else ("", "")
    verdict = "lossy" if lossy else "lossless"
    if not lossy and (said := _respelled(side, stand)):
        verdict, why = "canonical", said
    if one_way:
        verdict, why = "one-way", "; ".join(part for part in (_one_way(stand, way), why) if part)
    judged.verdicts.append(Verdict(
        spelled(stand.case), _others(stand), way, verdict, why, witness, stand.line.place, signed  # type: ignore[arg-type]
    ))  # fmt: skip


def _others(stand: Stand) -> str:
    if isinstance(stand.line, Flags):
        return ", ".join(path.text for _, path in stand.line.flags)
    return spelled(stand.other)


def _losses(found: Survey, stand: Stand, use: Use | None, way: Way) -> Iterator[Loss]:
    line = stand.line
    if use:
        yield from losses.of_table(use, way)
    possible = [losses.of_defaults(stand, found.definition, way)]
    if way == "export":
        possible.append(losses.of_selectors(stand, found))
    if isinstance(line, Flags):
        possible.append(losses.of_flags(line, way))
    if isinstance(line, Leaf):
        possible += losses.of_converter(line), losses.of_default(line, way)
    yield from (loss for loss in possible if loss)


def _unfit(found: Survey, side: Side, stand: Stand, way: Way, judged: Judged) -> Iterator[Loss]:
    """Codes of two closed sets with no table between them."""
    line = stand.line
    if not isinstance(line, Leaf) or line.codes or line.convert or line.link or stand.role == "part":
        return
    name = kinds.field_of(found.definition, stand.case)
    mine, theirs = kinds.codes_at(found.definition, stand.case, stand.case_if), side.codes(stand.other)
    usual = kinds.usual_of(name) or None if mine is None else mine
    if way == "export" and theirs is not None and (usual is None or usual - theirs):
        judged.errors.append(_no_place(stand, name, usual, theirs))
    if way == "import" and theirs is not None and mine is not None and theirs - mine:
        missing = sorted(theirs - mine)
        judged.gaps.append(Finding(
            "CB-232", line.place, f"import: `{missing[0]}` of `{spelled(stand.other)}` is no code of `{name}`",
            f"A record with {missing[0]} would be held.", "Add `codes:` with a row for it.",
        ))  # fmt: skip
    return
    yield


def _no_place(stand: Stand, name: str, mine: frozenset[str] | None, theirs: frozenset[str]) -> Finding:
    said = f"`{min(mine - theirs)}`" if mine else "any text"
    return Finding(
        "CB-222", stand.line.place,
        f"`{spelled(stand.other)}` takes only {_some(theirs)}, and `{name}` may hold {said}",
        f"Export would write {said}, which the partner's format does not have.",
        "Add `codes:` with a row for each code, or write `only: import`.",
    )  # fmt: skip


def _signed(stand: Stand, use: Use | None, lossy: list[Loss], signatures: _Signatures) -> str:
    """The signature for these losses, if there is one; remembers that it was needed."""
    if not lossy:
        return ""
    for line in (*stand.round, stand.line):
        if line.loss:
            signatures.needed.add(line.place)
    if use and any(loss.of_table for loss in lossy):
        signatures.needed.add(id(use.table))
    of_lines = next((line.loss for line in (stand.line, *reversed(stand.round)) if line.loss), "")
    if of_lines:
        return of_lines
    return use.table.loss if use and all(loss.of_table for loss in lossy) else ""


def _unsigned(stand: Stand, use: Use | None, way: Way, loss: Loss) -> Finding:
    where = f"the code table `{use.table.name}`" if use and loss.of_table else "this line"
    place = use.table.place if use and loss.of_table else stand.line.place
    return Finding(
        "CB-223", place, f"{way} of `{spelled(stand.case)}` (line {stand.line.place.line}) may lose something: "
        f"{loss.why}",
        f"{loss.witness}.",
        f"Say why this is right with `loss: ...` in {where}, or add rows, or write `only:` where it goes one way.",
    )  # fmt: skip


def _merged(fork: Fork, verdict: Verdict) -> Finding:
    return Finding(
        "CB-223", verdict.place, f"export of `{verdict.case}` may lose something: {verdict.why}", f"{verdict.witness}.",
        f"Say why this is right with `loss: ...` beside `choose:` of the line `{fork.line.case}`.",
    )  # fmt: skip


def _idle(found: Survey, used: list[Use], signatures: _Signatures) -> Iterator[Finding]:
    """Signatures on what is not lossy. A line that goes one way may say why."""
    one_way = {line.place for stand in found.stands if stand.ways != BOTH for line in (*stand.round, stand.line)}
    lines: dict[Place, Line] = {
        line.place: line for stand in found.stands for line in (*stand.round, stand.line) if line.loss
    }  # fmt: skip
    for place, line in lines.items():
        if place not in signatures.needed and place not in one_way:
            yield _needless(place, f"the line `{line.case}`")
    tables: dict[int, CodeTable] = {id(use.table): use.table for use in used}
    for number, table in tables.items():
        if table.loss and number not in signatures.needed:
            yield _needless(table.place, f"the code table `{table.name}`")


def _needless(place: Place, what: str) -> Finding:
    return Finding(
        "CB-224", place, f"{what} signs a loss (`loss:`), and loses nothing",
        "Whoever reads it would take the data for worse than it is, and would not see a real loss here later.",
        "Take `loss:` away.",
    )  # fmt: skip


def _respelled(side: Side, stand: Stand) -> str:
    line = stand.line
    if isinstance(line, Leaf):
        if line.convert and line.convert.law == "canonical":
            return f"the converter `{line.convert.name}` spells values its own way"
        if line.also_read:
            return f"also read from {', '.join(map(str, line.also_read))}; written to the first"
        element = side.at(stand.other)
        if element is not None and element.type == "number" and not line.convert:
            return "a number is kept as its text"
    if stand.many:
        return "items are written to these places in order; more of them have no room and are reported"
    if stand.role == "part" or any(isinstance(line, Group) and line.split for line in stand.round):
        return "empty parts at the end are not written"
    return ""


def _one_way(stand: Stand, way: Way) -> str:
    if stand.line.ways == BOTH and way == "import" and not any(line.ways != BOTH for line in stand.round):
        return "the partner alone writes there" if stand.other else ""
    return f"only: {way}"


def _some(values_: frozenset[str]) -> str:
    found = sorted(values_)
    return ", ".join(found[:8]) + (" ..." if len(found) > 8 else "")
