"""What a line may lose in a direction, with a value that shows it, and which codes have no way through (gaps)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from casebridge.mapping.checking import kinds
from casebridge.mapping.checking.places import At, spelled, steps_of
from casebridge.mapping.checking.report import Finding, Way
from casebridge.mapping.checking.survey import Stand, Survey
from casebridge.mapping.checking.tables import Codes, Use, pairs, target, turned
from casebridge.mapping.model import Definition, Flags, Leaf
from casebridge.mapping.walk import text_of

ASKED = ("absent:asked-unknown", "absent:asked-declined", "absent:not-asked")
NOTHING = "(nothing)"


@dataclass(frozen=True, slots=True)
class Loss:
    """Why, and a value that shows it."""

    why: str
    witness: str
    of_table: bool = False


def of_table(use: Use, way: Way) -> Iterator[Loss]:
    """The losses of a code table, as one line uses it in one direction."""
    for loss in (_many_to_one(use, way), _dropped(use, way), _collision(use, way)):
        if loss:
            yield loss


def _many_to_one(use: Use, way: Way) -> Loss | None:
    back = _back(way)
    rows = pairs(use.table, way)
    sharing = Counter(target(row, way) for row in rows.values())
    for code, row in rows.items():
        there = target(row, way)
        if sharing[there] > 1 and (returned := turned(use.table, back, there)) != code:
            return Loss(f"several codes become `{there}`", f"{code} -> {there} -> {returned}", True)
    return None


def _dropped(use: Use, way: Way) -> Loss | None:
    """``otherwise: report`` leaves out what has no row."""
    if use.table.otherwise != "report":
        return None
    sources = use.sources(way)
    if sources is None:
        return Loss("a code without a row is left out (`otherwise: report`)", f"any other code -> {NOTHING}", True)
    missing = sources - set(pairs(use.table, way))
    if not missing:
        return None
    return Loss("a code without a row is left out (`otherwise: report`)", f"{min(missing)} -> {NOTHING}", True)


def _collision(use: Use, way: Way) -> Loss | None:
    """``otherwise: keep`` lets a code through that is also what a row makes of another one, or is read as another."""
    if use.table.otherwise != "keep":
        return None
    rows, sources, back = pairs(use.table, way), use.sources(way), _back(way)
    made = {target(row, way): code for code, row in rows.items()}
    for there in (*made, *pairs(use.table, back)):
        if there in rows or there.startswith("absent:") or (sources is not None and there not in sources):
            continue
        returned = turned(use.table, back, there)
        lost = there if returned != there else made.get(there, there)
        if lost != returned:
            return Loss(
                f"`{there}` may also come as itself (`otherwise: keep`)", f"{lost} -> {there} -> {returned}", True
            )
    return None


def of_converter(leaf: Leaf) -> Loss | None:
    """A converter whose law is lossy."""
    if leaf.convert and leaf.convert.law == "lossy":
        sample = leaf.convert.samples[0] if leaf.convert.samples else ("?", "?")
        return Loss(
            f"the converter `{leaf.convert.name}` keeps only a part", f"{text_of(sample[0])} -> {text_of(sample[1])}"
        )
    return None


def of_default(leaf: Leaf, way: Way) -> Loss | None:
    """A default cannot be told from a value."""
    if way in leaf.if_missing:
        said = leaf.if_missing[way]
        return Loss(f"what is missing becomes `{said}` (`if_missing`)", f"{NOTHING} -> {said} -> {said}")
    return None


def of_defaults(stand: Stand, definition: Definition, way: Way) -> Loss | None:
    """A constant of ``defaults`` at the line's own place cannot be told from a value, unless there always is one."""
    place = stand.case if way == "import" else stand.other
    for path, constant in definition.defaults.get(way, ()):
        if steps_of(path) == place and way not in getattr(stand.line, "required", ()):
            said = text_of(constant)
            return Loss(f"what is missing becomes `{said}` (`defaults`)", f"{NOTHING} -> {said}")
    return None


def of_selectors(stand: Stand, found: Survey) -> Loss | None:
    """A selector of the case side that takes several constants: items read come with the first of them."""
    for i, step in enumerate(stand.case):
        for condition in step.selector or ():
            place = (*stand.case[: i + 1], *steps_of(condition.path))
            if len(condition.values) > 1 and not any(s.case == place and s.role == "value" for s in found.stands):
                first, *more = condition.values
                name = spelled(tuple(At(at.key) for at in place))
                return Loss(f"`{name}` may be {' or '.join((first, *more))} there, and comes back as `{first}`",
                            f"{more[0]} -> {first}")  # fmt: skip
    return None


def of_flags(line: Flags, way: Way) -> Loss | None:
    """Flags that cannot say why there are none."""
    if way == "import":
        return None
    known = set(pairs(line.none.codes, "export")) if line.none and line.none.codes else set()
    missing = [reason for reason in ASKED if reason not in known]
    if missing:
        return Loss("`none` has no code for why there are none", f"{missing[0]} -> {NOTHING}")
    return None


def gaps(use: Use, way: Way) -> Iterator[Finding]:
    """Codes that a record may have and that would stop it (``refuse``), or be refused after (``keep``)."""
    sources, targets = use.sources(way), use.targets(way)
    if sources is None and way == "export" and not use.leaf.convert:
        sources = kinds.usual_of(use.field) or None
    if sources is None or use.table.otherwise == "report":
        return
    missing = sources - set(pairs(use.table, way))
    if use.table.otherwise == "keep":
        missing = missing - targets if targets is not None else frozenset()
    if missing:
        yield _gap(use, way, sorted(missing), targets)


def _gap(use: Use, way: Way, missing: list[str], targets: Codes) -> Finding:
    place = spelled(use.stand.other) if way == "import" else use.field
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return Finding(
        "CB-232", use.table.place, f"{way}: `{missing[0]}`{more} of `{place}` has no row in `{use.table.name}`",
        f"A record with {missing[0]} would be held until you add the row.",
        f"Without a row: {', '.join(missing[:20])}{' ...' if len(missing) > 20 else ''}",
    )  # fmt: skip


def _back(way: Way) -> Way:
    return "export" if way == "import" else "import"

