"""Which lines, places, code rows, flags and branches of a map some records and slices have reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.codes import CodeTable, Row
from casebridge.mapping.generate.claims import Claim, claims, in_shared, root_length
from casebridge.mapping.generate.speaking import Speaking
from casebridge.mapping.model import Choose, Definition, Each, Flags, Group, Leaf, Line
from casebridge.mapping.notation import Place
from casebridge.mapping.paths import Path
from casebridge.mapping.reading import Reader, chosen
from casebridge.mapping.walk import Hit, Scope, Where, blank, described, is_absent, leaves, text_of

Mark = tuple[str, str]
_LOOK_AGAIN = 50  # slices after which the lines that are done are left out


class Reached:
    """Counts what is reached. ``missing`` is what is not, as ``import fhir.yaml:12:3 gender``, in order."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.claims = claims(definition)
        self.root = root_length(definition)
        self.tables = _Tables()
        self.open: set[Mark] = {*_inward(definition, self.claims), *_outward(definition, self.claims)}
        self.open -= set(_pinned(definition, self.claims))
        self.wanted = len(self.open)
        self.slices, self.pending = 0, Speaking(self.claims)

    @property
    def missing(self) -> list[str]:
        """What nothing has reached so far."""
        return sorted(f"{way} {what}" for way, what in self.open)

    @property
    def inward(self) -> bool:
        """Has everything been reached that import can reach?"""
        return all(way != "import" for way, _ in self.open)

    def record(self, record: dict[str, Any]) -> None:
        """A native record is imported."""
        watch = _Watch(self.tables)
        try:
            watch.fields(self.definition.fields, Scope(record), described(self.definition.when))
        except CaseBridgeError:
            return
        self.open -= watch.seen

    def slice(self, slice_: dict[str, Any]) -> None:
        """A slice is exported."""
        if self.slices % _LOOK_AGAIN == 0:
            self.pending = Speaking(claim for claim in self.claims if self.open.intersection(_marks(claim)))
        self.slices += 1
        plain = {slot: part for slot, part in slice_.items() if slot != "complete"}
        for where in leaves(plain):
            node, value = _at(plain, where[: self.root]), _at(plain, where)
            for claim in self.pending(where[self.root :], node):
                self.open.discard(("export", str(claim.line.place)))
                for leaf in claim.leaves:
                    if leaf.codes and (row := self.tables.row(leaf.codes, _code(value), export=True)):
                        self.open.discard(("export", _row_name(row)))


class _Watch(Reader):
    """Reads, and remembers what it read with."""

    def __init__(self, tables: _Tables) -> None:
        super().__init__()
        self.tables = tables
        self.seen: set[Mark] = set()

    def _found(self, line: Leaf, scope: Scope) -> tuple[Path, Any, Hit] | None:
        found = super()._found(line, scope)
        if found:
            path, theirs, _ = found
            self.seen.add(("import", _at_path(line.place, path)))
            values = theirs if isinstance(theirs, list) else [theirs]
            rows = [self.tables.row(line.codes, text_of(value), export=False) for value in values] if line.codes else []
            self.seen.update(("import", _row_name(row)) for row in rows if row)
        return found

    def _flags(self, line: Flags, scope: Scope) -> Hit | None:
        hit = super()._flags(line, scope)
        if hit and isinstance(hit.value, list):
            self.seen.update(("import", f"{line.place} {word}") for word in hit.value if isinstance(word, str))
        return hit

    def _choose(self, line: Choose, scope: Scope, into: Any, where: Where) -> Any:
        branch = chosen(line.branches, scope.node)
        if branch:
            self.seen.add(("import", str(branch.place)))
        return super()._choose(line, scope, into, where)


def _inward(definition: Definition, found: Iterable[Claim]) -> Iterator[Mark]:
    if definition.only == "export":
        return
    for claim in found:
        if "import" not in claim.ways:
            continue
        for leaf in claim.leaves:
            for path in (leaf.other, *leaf.also_read):
                yield "import", _at_path(leaf.place, path)
            yield from (("import", _row_name(row)) for row in _live(leaf.codes, export=False))
        if isinstance(claim.line, Flags):
            yield from (("import", f"{claim.line.place} {word}") for word, _ in claim.line.flags)
    yield from _branches(definition.fields)


def _branches(lines: Iterable[Line]) -> Iterator[Mark]:
    for line in lines:
        if "import" not in line.ways:
            continue
        if isinstance(line, Choose):
            for branch in line.branches:
                yield "import", str(branch.place)
                yield from _branches(branch.fields)
        elif isinstance(line, Each | Group):
            yield from _branches(line.fields)


def _outward(definition: Definition, found: Iterable[Claim]) -> Iterator[Mark]:
    for claim in found:
        if "export" not in claim.ways or in_shared(definition, claim) or isinstance(claim.line, Each | Group):
            continue
        if isinstance(claim.line, Leaf) and claim.line.other.up:
            continue
        yield from _marks(claim)


def _marks(claim: Claim) -> Iterator[Mark]:
    """What a line can reach on export."""
    yield "export", str(claim.line.place)
    for leaf in claim.leaves:
        yield from (("export", _row_name(row)) for row in _live(leaf.codes, export=True))


def _pinned(definition: Definition, found: Iterable[Claim]) -> Iterator[Mark]:
    """The rows no record of this map can have: its ``match`` allows other codes only."""
    said = {condition.path.steps: condition.values for condition in definition.match if condition.test == "equal"}
    for claim in found:
        for leaf in claim.leaves:
            values = said.get(claim.other[0])
            for row in leaf.codes.rows if leaf.codes and values else ():
                if text_of(row.other) not in values:  # type: ignore[operator]
                    yield "import", _row_name(row)
                    yield "export", _row_name(row)


def _live(table: CodeTable | None, *, export: bool) -> list[Row]:
    """The rows that count in one way: the first for each code."""
    return list(_rows(table, export=export).values()) if table else []


def _rows(table: CodeTable, *, export: bool) -> dict[str, Row]:
    """The rows of one way by the code they answer; the first row of a code counts."""
    away, found = "import" if export else "export", dict[str, Row]()
    for row in table.rows:
        if row.way != away:
            found.setdefault(text_of(row.case if export else row.other), row)
    return found


class _Tables:
    """The rows of a map's tables by code, found once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, bool], dict[str, Row]] = {}

    def row(self, table: CodeTable, code: str, *, export: bool) -> Row | None:
        """The row that answers a code."""
        key = (id(table), export)
        if key not in self.known:
            self.known[key] = _rows(table, export=export)
        return self.known[key].get(code)


def _code(value: Any) -> str:
    return f"absent:{value['absent']}" if is_absent(value) else "" if blank(value) else text_of(value)


def _row_name(row: Row) -> str:
    return f"row {row.place} {text_of(row.case)} {text_of(row.other)}"


def _at_path(place: Place, path: Path) -> str:
    return f"{place} {path}"


def _at(node: Any, where: Iterable[Any]) -> Any:
    for part in where:
        node = node[part]
    return node
