"""Two maps, or two versions of one, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from casebridge.mapping.codes import CodeTable
from casebridge.mapping.inspection.lines import Row, rows
from casebridge.mapping.inspection.resolved import condition, constant, resolved, spelled_out
from casebridge.mapping.model import Definition, Line
from casebridge.mapping.paths import Condition, Path

HEAD = ("version", "case", "other", "rest", "match", "when", "ignore", "defaults", "complete", "only", "shape")

PARTS = {"case": "here", "other": "there", "when": "when", "link": "kinds of reference", "beside": "with",
         "also_read": "also read from"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """``what`` is added, removed or changed; ``where`` a case path or a word of the head; ``said`` how, in words."""

    what: str
    where: str
    said: str


def differences(old: Definition, new: Definition) -> list[Difference]:
    """From ``old`` to ``new``; none when both do the same to every record."""
    found = [*_of_heads(old, new), *_of_lines(rows(old), rows(new))]
    return [*found, *_of_whole_lines(old, new, {one.where for one in found})]


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


def _of_whole_lines(old: Definition, new: Definition, told: set[str]) -> Iterator[Difference]:
    """Lines whose places are alike and that still do otherwise: by the order of branches, or by what these ask."""
    before, after = _by_word(old), _by_word(new)
    for word in (word for word in before if word in after):
        (lines, places), (others, other_places) = before[word], after[word]
        if resolved(lines) != resolved(others) and told.isdisjoint(places | other_places):
            yield Difference("changed", word, "the order of its lines or branches, or the conditions of a branch")


def _by_word(definition: Definition) -> dict[str, tuple[list[Line], set[str]]]:
    """The lines under each word of ``fields:``, and the case paths of all in them."""
    found: dict[str, tuple[list[Line], set[str]]] = {}
    for line in definition.fields:
        lines, places = found.setdefault(line.case.text, ([], set()))
        lines.append(line)
        places.update(row.case for row in rows(replace(definition, fields=(line,))))
    return found


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
    if (one.other, before, one.table is None) == (other.other, after, other.table is None):
        yield from _of_parts(one.line, other.line)


def _of_parts(one: Line, other: Line) -> Iterator[str]:
    """Where two lines read alike and mean other things: a name that stands for something else, a kind of a link."""
    for name in PARTS:
        before, after = (resolved(getattr(line, name, None)) for line in (one, other))
        if before != after:
            yield f"{PARTS[name]}: {_flat(before)} -> {_flat(after)}"


def _flat(part: Any) -> str:
    return part if isinstance(part, str) else "; ".join(filter(None, map(_flat, part)))


def _words(row: Row) -> tuple[str, ...]:
    """What is done to the value; a table written in a line is called by its line, which says nothing."""
    return tuple("codes" if word.startswith("codes line ") else word for word in row.how)


def _of_tables(one: CodeTable | None, other: CodeTable | None) -> Iterator[str]:
    before, after = _codes(one), _codes(other)
    yield from (f"code added: {said}" for said in after if said not in before)
    yield from (f"code removed: {said}" for said in before if said not in after)
    if one and other and sorted(before) == sorted(after):
        yield from (f"{code} is read as {said} -> {other.to_case[code]}" for code, said in one.to_case.items()
                    if other.to_case.get(code, said) != said)  # fmt: skip
        yield from (f"{code} is written as {said} -> {other.to_other[code]}" for code, said in one.to_other.items()
                    if other.to_other.get(code, said) != said)  # fmt: skip
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
    if isinstance(value, Path):
        return spelled_out(value)
    if isinstance(value, Condition):
        return condition(value)
    if isinstance(value, bool):
        return constant(value)
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_said(v)}" for k, v in value.items())
    return str(value)
