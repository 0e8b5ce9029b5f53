"""A map's lines as rows people read: both sides, and what happens between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import BOTH, Choose, Definition, Each, Flags, Group, Leaf, Line, Spread
from casebridge.mapping.paths import Condition


@dataclass(frozen=True, slots=True)
class Row:
    """One line (or one of its places). ``case`` and ``other`` are whole paths, lists with ``[]``; ``way`` is both,
    import or export; ``how`` says what is done to the value, in words."""

    case: str
    other: str
    way: str
    how: tuple[str, ...]
    loss: str
    line: Line
    table: CodeTable | None = None

    @property
    def where(self) -> str:
        """``sdohcc/patient.yaml:24``, the line of the file."""
        return self.line.place.short


@dataclass(frozen=True, slots=True)
class _Above:
    """What the lines round a line add to it."""

    case: str = ""
    other: str = ""
    ways: frozenset[str] = BOTH
    how: tuple[str, ...] = ()


def rows(definition: Definition) -> list[Row]:
    """Every line of the map, in the order written; groups, lists and branches give the rows of what is in them."""
    root = definition.case[0] if len(definition.case) == 1 else ""
    ways = frozenset({definition.only}) if definition.only else BOTH
    return list(_rows(definition.fields, _Above(case=root, ways=ways)))


def _rows(lines: Iterable[Line], above: _Above) -> Iterator[Row]:
    for line in lines:
        here = replace(above, ways=above.ways & line.ways, how=(*above.how, *_when(line.when)))
        if isinstance(line, Leaf):
            yield _leaf(line, here)
        elif isinstance(line, Spread):
            yield from _spread(line, here)
        elif isinstance(line, Flags):
            yield from _flags(line, here)
        elif isinstance(line, Each):
            yield from _each(line, here)
        elif isinstance(line, Group):
            yield from _group(line, here)
        elif isinstance(line, Choose):
            for branch in line.branches:
                said = f"where {_said(branch.other)}, and here {_said(branch.case)}"
                yield from _rows(branch.fields, replace(here, how=(*here.how, said)))


def _leaf(line: Leaf, above: _Above, how: tuple[str, ...] = ()) -> Row:
    return _row(line, above, line.case.text, line.other.text, (*how, *_turned(line)), line.codes)


def _spread(line: Spread, above: _Above) -> Iterator[Row]:
    for number, part in enumerate(line.parts, 1):
        yield replace(_leaf(part, above, (f"item {number}",)), line=line)


def _flags(line: Flags, above: _Above) -> Iterator[Row]:
    for word, path in line.flags:
        yield _row(line, above, line.case.text, path.text, (f"`{word}` when 1",))
    if line.none:
        how = ("why there are none", *_turned(line.none))
        yield _row(line, above, line.case.text, line.none.other.text, how, line.none.codes)


def _each(line: Each, above: _Above) -> Iterator[Row]:
    key = " + ".join(path.text for path, _ in line.key)
    yield _row(line, above, f"{line.case.text}[]", f"{line.other.text}[]", (f"a list, its items known by {key}",))
    below = replace(above, case=_joined(above.case, f"{line.case.text}[]"),
                    other=_joined(above.other, f"{line.other.text}[]"))  # fmt: skip
    yield from _rows(line.fields, below)


def _group(line: Group, above: _Above) -> Iterator[Row]:
    if line.split:
        how = (*above.how, f"parts of one text, `{line.split}` between them")
        for row in _rows(line.fields, replace(above, case=_joined(above.case, line.case.text), how=how)):
            yield replace(row, other=f"{_joined(above.other, line.other.text)} part {row.other}")
        return
    below = replace(above, case=_joined(above.case, line.case.text), other=_joined(above.other, line.other.text))
    yield from _rows(line.fields, below)


def _row(
    line: Line, above: _Above, case: str, other: str, how: tuple[str, ...], table: CodeTable | None = None
) -> Row:
    way = "both" if above.ways == BOTH else min(above.ways, default="neither")
    loss = line.loss or (table.loss if table else "")
    return Row(_joined(above.case, case), _joined(above.other, other), way, (*above.how, *how), loss, line, table)


def _turned(line: Leaf) -> Iterator[str]:
    if line.codes:
        yield f"codes {line.codes.name}"
    if line.convert:
        yield f"as {line.convert.name}"
    if line.link:
        yield f"a reference to {line.link.kind or ', '.join(sorted(set(line.link.kinds.values())))}"
    if line.beside:
        yield f"with {_said(line.beside)}"
    if line.required:
        yield "required" if line.required == BOTH else f"required for {min(line.required)}"
    for way, value in sorted(line.if_missing.items()):
        yield f"`{value}` if missing ({way})"
    if line.also_read:
        yield f"also read from {', '.join(path.text for path in line.also_read)}"


def _when(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    return (f"when {_said(conditions)}",) if conditions else ()


def _said(conditions: Iterable[Condition]) -> str:
    return " and ".join(map(str, conditions)) or "always"


def _joined(above: str, below: str) -> str:
    """A dotted path; ``.`` is the place itself, ``^`` steps out of the present item."""
    while below.startswith("^."):
        above, below = above.rpartition("[]")[0].rpartition(".")[0], below[2:]
    if below.startswith(".[]"):
        return above + below[1:]
    return ".".join(part for part in (above, below) if part not in ("", "."))
