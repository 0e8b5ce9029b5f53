"""Code tables, decided by enumeration: which rows can be used, which codes have no row, which become one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from casebridge.mapping.checking import kinds
from casebridge.mapping.checking.places import spelled
from casebridge.mapping.checking.report import Finding, Way
from casebridge.mapping.checking.sides import Side
from casebridge.mapping.checking.survey import Stand, Survey, values
from casebridge.mapping.codes import REASONS, CodeTable, Row
from casebridge.mapping.model import Leaf
from casebridge.mapping.notation import nearest
from casebridge.mapping.walk import text_of

ABSENT = frozenset(f"absent:{reason}" for reason in REASONS)
OWN = "A code of the partner's own that is only read has `import` as its third cell."
Codes = frozenset[str] | None  # all there are, or None: any text


@dataclass(frozen=True, slots=True)
class Use:
    """A code table as one line uses it: with the codes of the place on either side."""

    stand: Stand
    leaf: Leaf
    table: CodeTable
    case: Codes
    other: Codes
    field: str

    def sources(self, way: Way) -> Codes:
        """The codes that can come in, for one direction."""
        return self.other if way == "import" else self.case

    def targets(self, way: Way) -> Codes:
        """The codes that may come out."""
        return self.case if way == "import" else self.other


def uses(found: Survey, side: Side) -> Iterator[Use]:
    """Every use of a code table. A converter between table and case side hides the case model's codes."""
    for stand in values(found):
        leaf = stand.line
        if isinstance(leaf, Leaf) and leaf.codes:
            field = kinds.field_of(found.definition, stand.case)
            case = None if leaf.convert else kinds.codes_of(field)
            other = None if stand.role == "part" else side.codes(stand.other)
            yield Use(stand, leaf, leaf.codes, case, other, field)


def pairs(table: CodeTable, way: Way) -> dict[str, Row]:
    """The row used for each code, for one direction: the first that fits."""
    found: dict[str, Row] = {}
    for row in table.rows:
        if row.way in ("both", way):
            found.setdefault(source(row, way), row)
    return found


def source(row: Row, way: Way) -> str:
    """The code that a row turns."""
    return text_of(row.other if way == "import" else row.case)


def target(row: Row, way: Way) -> str:
    """The code that a row turns it into."""
    return text_of(row.case if way == "import" else row.other)


def turned(table: CodeTable, way: Way, code: str) -> str:
    """What a table makes of a code, for messages."""
    row = pairs(table, way).get(code)
    if row is not None:
        return target(row, way)
    return code if table.otherwise == "keep" else "(nothing)"


def check(found: Survey, side: Side) -> Iterator[Finding]:
    """Rows that can never be used, and rows with a code that neither side has."""
    used = list(uses(found, side))
    tables = {id(use.table): use.table for use in used}
    for table in tables.values():
        yield from _dead(table)
    for use in used:
        yield from _typos(use)
    yield from _typed_twice(used)


def _dead(table: CodeTable) -> Iterator[Finding]:
    ways: tuple[Way, ...] = ("import", "export")
    used = {way: pairs(table, way) for way in ways}
    for row in table.rows:
        winners = [used[way][source(row, way)] for way in ways if row.way in ("both", way)]
        if row in winners:
            continue
        first = winners[0]
        yield Finding(
            "CB-221", row.place, f"the row [{text_of(row.case)}, {text_of(row.other)}] of the code table "
            f"`{table.name}` is never used",
            f"The row in line {first.place.line}, [{text_of(first.case)}, {text_of(first.other)}], comes first, so "
            f"{_never(row, first)}.",
            "Take the row away, or correct the one that is wrong.",
        )  # fmt: skip


def _never(row: Row, first: Row) -> str:
    if row.case == first.case:
        return f"`{text_of(row.case)}` never becomes `{text_of(row.other)}`"
    return f"`{text_of(row.other)}` never becomes `{text_of(row.case)}`"


def _typos(use: Use) -> Iterator[Finding]:
    for row in use.table.rows:
        case, other = text_of(row.case), text_of(row.other)
        known = None if use.leaf.convert or case in ABSENT else kinds.strange(use.field, case)
        if known is not None:
            yield _typo(use, row, case, known, f"`{use.field}` of the case model")
        if use.other is not None and other not in use.other and row.way != "import":
            yield _typo(use, row, other, use.other, f"`{spelled(use.stand.other)}` of the partner's record", own=True)
        words = not isinstance(row.case, bool) and case not in ABSENT and not use.leaf.convert
        if words and kinds.is_boolean(use.field):
            yield Finding(
                "CB-216", row.place, f"`{use.field}` is true or false, and this row gives the text `{case}`",
                "The case model would refuse it.", "Write true or false without quotes.",
            )  # fmt: skip


def notes(found: Survey, side: Side) -> Iterator[Finding]:
    """Rows that read a code which the other side's list does not have: a partner may send one of its own."""
    for use in uses(found, side):
        for row in use.table.rows:
            code = text_of(row.other)
            if use.other is not None and code not in use.other and row.way == "import":
                near = nearest(code, use.other)
                yield Finding(
                    "CB-220", row.place, f"`{code}` is not in the list of `{spelled(use.stand.other)}`{near}",
                    "It is read from a partner that sends it, and never written.",
                )  # fmt: skip


def _typo(use: Use, row: Row, code: str, known: frozenset[str], where: str, *, own: bool = False) -> Finding:
    near = nearest(code, known)
    return Finding(
        "CB-220", row.place, f"`{code}` is not a code of {where}{near}",
        f"The row of the code table `{use.table.name}` would never be used, and the code that is meant has none.",
        f"It takes {_some(known)}.{' ' + OWN if own else ''}",
    )  # fmt: skip


def _typed_twice(used: list[Use]) -> Iterator[Finding]:
    """One table for import and another for export of the same two places: the second drifts away from the first."""
    for a in used:
        for b in used:
            same = (a.stand.case, a.stand.other) == (b.stand.case, b.stand.other)
            apart = a.stand.ways == {"export"} and b.stand.ways == {"import"}
            if same and apart and a.table is not b.table and (broken := _drift(a.table, b.table)):
                yield Finding(
                    "CB-228", b.table.place, f"`{spelled(a.stand.case)}` has one code table for export "
                    f"(`{a.table.name}`) and another for import (`{b.table.name}`), and they differ",
                    f"{broken}.", "Write one table, and one line without `only:`.",
                )  # fmt: skip


def _drift(there: CodeTable, back: CodeTable) -> str:
    for code, row in pairs(there, "export").items():
        sent = target(row, "export")
        found = turned(back, "import", sent)
        if found != code:
            return f"{code} -> {sent} -> {found}"
    return ""


def _some(values: frozenset[str]) -> str:
    found = sorted(values)
    return ", ".join(found[:12]) + (" ..." if len(found) > 12 else "")
