"""Two maps, or two versions of one, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from casebridge.mapping.codes import CodeTable
from casebridge.mapping.inspection.lines import Row, rows
from casebridge.mapping.model import Definition

HEAD = ("version", "case", "other", "rest", "match", "when", "ignore", "defaults", "complete", "only", "shape")


@dataclass(frozen=True, slots=True)
class Difference:
    """``what`` is added, removed or changed; ``where`` a case path or a word of the head; ``said`` how, in words."""

    what: str
    where: str
    said: str


def differences(old: Definition, new: Definition) -> list[Difference]:
    """From ``old`` to ``new``; none when both do the same to every record."""
    return [*_of_heads(old, new), *_of_lines(rows(old), rows(new))]


def _of_heads(old: Definition, new: Definition) -> Iterator[Difference]:
    for word in HEAD:
        before, after = _said(getattr(old, word, "")), _said(getattr(new, word, ""))
        if before != after:
            yield Difference("changed", word, f"{before or 'nothing'} -> {after or 'nothing'}")


def _of_lines(old: list[Row], new: list[Row]) -> Iterator[Difference]:
    left, right = _by_case(old), _by_case(new)
    for case in dict.fromkeys([*left, *right]):
        before, after = left.get(case, []), right.get(case, [])
        same = [row for row in before if any(_alike(row, other) for other in after)]
        gone = [row for row in before if row not in same]
        come = [row for row in after if not any(_alike(row, other) for other in before)]
        for one, other in zip(gone, come, strict=False):
            yield Difference("changed", case, "; ".join(_changes(one, other)))
        yield from (Difference("removed", case, _described(row)) for row in gone[len(come) :])
        yield from (Difference("added", case, _described(row)) for row in come[len(gone) :])


def _by_case(found: list[Row]) -> dict[str, list[Row]]:
    cases: dict[str, list[Row]] = {}
    for row in found:
        cases.setdefault(row.case, []).append(row)
    return cases


def _alike(one: Row, other: Row) -> bool:
    return not list(_changes(one, other))


def _changes(one: Row, other: Row) -> Iterator[str]:
    if one.other != other.other:
        yield f"{one.other} -> {other.other}"
    if one.way != other.way:
        yield f"{one.way} -> {other.way}"
    before, after = _words(one), _words(other)
    if before != after:
        yield f"{'; '.join(before) or 'as it is'} -> {'; '.join(after) or 'as it is'}"
    if one.loss != other.loss:
        yield f"loss: {one.loss or 'none'} -> {other.loss or 'none'}"
    yield from _of_tables(one.table, other.table)


def _words(row: Row) -> tuple[str, ...]:
    """What is done to the value; a table written in a line is called by its line, which says nothing."""
    return tuple("codes" if word.startswith("codes line ") else word for word in row.how)


def _of_tables(one: CodeTable | None, other: CodeTable | None) -> Iterator[str]:
    before, after = _codes(one), _codes(other)
    yield from (f"code added: {said}" for said in after if said not in before)
    yield from (f"code removed: {said}" for said in before if said not in after)
    if one and other and one.otherwise != other.otherwise:
        yield f"other codes: {one.otherwise} -> {other.otherwise}"


def _codes(table: CodeTable | None) -> list[str]:
    arrows = {"both": "<->", "import": "<-", "export": "->"}
    return [f"{row.case} {arrows[row.way]} {row.other}" for row in table.rows] if table else []


def _described(row: Row) -> str:
    return "; ".join([row.other, *([] if row.way == "both" else [f"{row.way} only"]), *row.how])


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_said(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_said(v)}" for k, v in value.items())
    return str(value)
