"""The words round the lines: what a map is for, its names, code tables, defaults and examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from casebridge.adapter import Converter
from casebridge.core.case import KINDS, PLURALS
from casebridge.mapping import limits, notation, parse
from casebridge.mapping.code_files import rows_of_file
from casebridge.mapping.codes import CodeTable, Row, row_of
from casebridge.mapping.model import Choose, Definition, Example, Leaf, Line, Spread
from casebridge.mapping.notation import Entries, Items, Node
from casebridge.mapping.paths import Path, resolve
from casebridge.mapping.surroundings import Names, Surroundings, placed

WORDS = frozenset({
    "map", "version", "about", "case", "other", "match", "when", "shape", "rest", "names", "fields", "ignore", "codes",
    "examples", "base", "defaults", "complete", "only",
})  # fmt: skip
RESTS = ("keep", "report", "refuse")
_EXAMPLE = frozenset({"about", "case", "other", "way"})
_TABLE = frozenset({"rows", "file", "otherwise", "loss", "about"})


@dataclass(slots=True)
class Tables:
    """The map's code tables: named ones once, others where a line writes them. ``files`` are those it read."""

    roots: tuple[File, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    named: dict[str, CodeTable] = field(default_factory=dict)
    files: dict[File, bytes] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def of(self, node: Node) -> CodeTable:
        """The table a line's ``codes`` names or writes."""
        if isinstance(node, notation.Scalar):
            if node.text not in self.named:
                raise node.place.error(
                    "CB-203", f"`{node.text}` is not a code table of this map{notation.nearest(node.text, self.named)}"
                )
            self.used.add(node.text)
            return self.named[node.text]
        return self.read(f"line {node.place.line}", node)

    def read(self, name: str, node: Node) -> CodeTable:
        """The table that ``node`` writes; its rows from the map, from a file, or both."""
        keyed = notation.entries(node, f"the code table `{name}`")
        notation.check_words(keyed, _TABLE, "a code table")
        said = keyed.get("otherwise")
        if said is None:
            raise keyed.place.error(
                "CB-201", f"the code table `{name}` must say what happens to a code it does not list: "
                "`otherwise: refuse`, `otherwise: keep` or `otherwise: report`",
            )  # fmt: skip
        otherwise = notation.choice(said, "`otherwise`", ("refuse", "keep", "report"))
        loss = keyed.get("loss")
        rows = self._rows(keyed)
        _check_twice(rows)
        return CodeTable(name, rows, otherwise, keyed.place, notation.text(loss, "`loss`") if loss else "")  # type: ignore[arg-type]

    def _rows(self, node: Entries) -> tuple[Row, ...]:
        rows, file = node.get("rows"), node.get("file")
        if rows is None and file is None:
            raise node.place.error("CB-201", "a code table has `rows` or a `file`")
        found: list[Row] = []
        if rows is not None:
            if not isinstance(rows, Items):
                raise rows.place.error("CB-201", "`rows` is a list of [case, other]")
            found += [row_of(self._cells(row), row.place) for row in rows.items]
        if file is not None:
            found += rows_of_file(*self._file(file))
        limits.rows(len(found), node.place)
        return tuple(found)

    def _cells(self, row: Node) -> tuple[str | bool, ...]:
        """The cells of a row; ``$name`` without quotes is one of the map's names."""
        notation.texts(row, "a row")
        return tuple(self._cell(cell) for cell in _items(row) if isinstance(cell, notation.Scalar))

    def _cell(self, cell: notation.Scalar) -> str | bool:
        if not (cell.plain and cell.text.startswith("$")):
            return cell.constant
        with placed(cell.place):
            return resolve(cell.text, self.names, 0)

    def _file(self, node: Node) -> tuple[File, bytes]:
        name = notation.text(node, "`file`")
        if File(name).is_absolute() or ".." in File(name).parts:
            raise node.place.error("CB-201", "a code table's file is named from the map's folder, without `..`")
        for root in (File(node.place.file).parent, *self.roots):  # a base names its files from its own folder
            if (root / name).is_file():
                self.files[root / name] = notation.read(root / name)
                return root / name, self.files[root / name]
        raise node.place.error("CB-201", f"the code table's file `{name}` is not in the map's folder nor beside it")




def _check_twice(rows: tuple[Row, ...]) -> None:
    seen: dict[tuple[str | bool, str | bool, str], Row] = {}
    for row in rows:
        key = (row.case, row.other, row.way)
        if key in seen:
            raise row.place.error(
                "CB-204", f"the row [{row.case}, {row.other}] is already written at line {seen[key].place.line}"
            )
        seen[key] = row


def define(tree: Entries, tables: Tables, converters: Mapping[str, Converter]) -> Definition:
    """The definition a map's tree holds; MapError at the first thing that is wrong."""
    notation.check_words(tree, WORDS, "a map")
    for word in ("map", "case", "other", "fields"):
        if word not in tree.values:
            raise tree.place.error("CB-201", f"a map needs `{word}:`")
    names = tables.names = Names(_texts(tree, "names"))
    around = Surroundings(names, tables.of, converters)
    for name, node in _entries(tree, "codes").items():
        tables.named[name] = tables.read(name, node)
    match, when = tree.get("match"), tree.get("when")
    definition = Definition(
        name=_text(tree, "map"), version=_text(tree, "version", "1"), about=_text(tree, "about", ""),
        case=_slots(tree.values["case"], "`case`"), other=_text(tree, "other"),
        rest=notation.choice(tree.values["rest"], "`rest`", RESTS) if "rest" in tree.values else "keep",
        match=around.conditions(match, "`match`") if match else (),
        shape=_shape(tree), fields=parse.lines(tree.values["fields"], around),
        ignore=tuple(around.path(node) for node in _list(tree, "ignore")),
        defaults=_defaults(tree, around),
        complete=_slots(tree.values["complete"], "`complete`") if "complete" in tree.values else (),
        examples=tuple(_example(node) for node in _list(tree, "examples")),
        place=tree.place, base=_text(tree, "base", ""),
        only=notation.choice(tree.values["only"], "`only`", ("import", "export")) if "only" in tree.values else "",
        when=around.conditions(when, "`when`") if when else (),
    )  # fmt: skip
    limits.check(definition)
    _check_whole(definition.fields)
    _check_used(tree, "names", names.used)
    _check_used(tree, "codes", tables.used)
    return definition


def _check_whole(lines: Iterable[Line]) -> None:
    """A line beside no list and no group: ``.`` would be the whole record."""
    for line in lines:
        if isinstance(line, Choose):
            for branch in line.branches:
                _check_whole(branch.fields)
        elif isinstance(line, Leaf | Spread):
            for part in line.parts if isinstance(line, Spread) else (line,):
                if not part.other.steps:
                    raise part.place.error(
                        "CB-202", f"`{line.case}: {part.other}` is the whole record, and the line takes one value",
                        remedy="Name the field of the record; `.` is the item itself in a list of plain values.",
                    )  # fmt: skip


def _check_used(tree: Entries, word: str, used: set[str]) -> None:
    """In an overlay a name nothing uses is a typo: what it was meant to change stays as it was."""
    keyed = tree.get(word) if "base" in tree.values else None
    for name, place in keyed.keys.items() if isinstance(keyed, Entries) else ():
        if name not in used and place.file == tree.place.file:
            what = "name" if word == "names" else "code table"
            raise place.error(
                "CB-212", f"nothing in this map uses the {what} `{name}`{notation.nearest(name, used - {name})}",
                remedy=f"Correct the {what}, or take it away: as it stands it changes nothing.",
            )  # fmt: skip


def _text(tree: Entries, word: str, default: str | None = None) -> str:
    node = tree.get(word)
    return default if node is None and default is not None else notation.text(tree.values[word], f"`{word}`")


def _texts(tree: Entries, word: str) -> dict[str, str]:
    return {key: notation.text(node, f"`{key}`") for key, node in _entries(tree, word).items()}


def _entries(tree: Entries, word: str) -> dict[str, Node]:
    node = tree.get(word)
    return notation.entries(node, f"`{word}`").values if node is not None else {}


def _list(tree: Entries, word: str) -> tuple[Node, ...]:
    node = tree.get(word)
    return () if node is None else _items(node)


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _plain(tree: Entries, word: str, *, typed: bool = False) -> dict[str, Any]:
    node = tree.get(word)
    return {} if node is None else notation.plain(notation.entries(node, f"`{word}`"), typed=typed)  # type: ignore[return-value]


def _shape(tree: Entries) -> dict[str, Any]:
    shape = tree.get("shape")
    parents = shape.get("parents") if isinstance(shape, Entries) else None
    if parents is not None:
        for name, said in notation.entries(parents, "`parents`").values.items():
            notation.entries(said, f"the parent `{name}`")
    return _plain(tree, "shape")


def _slots(node: Node, what: str) -> tuple[str, ...]:
    if what == "`case`":
        notation.filled(node, what, "Name the records the map fills, such as `person`.")
    slots = notation.texts(node, what)
    known = {*KINDS, *PLURALS}
    for slot in slots:
        if slot not in known:
            raise node.place.error("CB-202", f"`{slot}` is not a slot of the case model{notation.nearest(slot, known)}")
    return slots


def _defaults(tree: Entries, around: Surroundings) -> dict[str, tuple[tuple[Path, str | bool], ...]]:
    node = tree.get("defaults")
    if node is None:
        return {}
    ways = notation.entries(node, "`defaults`")
    notation.check_words(ways, frozenset({"import", "export"}), "`defaults`")
    found: dict[str, tuple[tuple[Path, str | bool], ...]] = {}
    for way, said in ways.values.items():
        keyed = notation.entries(said, f"`defaults.{way}`")
        found[way] = tuple(
            (parse.leaf_path(around.path_of(key, keyed.keys[key]), keyed.keys[key]), around.typed(value))
            for key, value in keyed.values.items()
        )
    return found


def _example(node: Node) -> Example:
    keyed = notation.entries(node, "an example")
    notation.check_words(keyed, _EXAMPLE, "an example")
    for word in ("case", "other"):
        if word not in keyed.values:
            raise keyed.place.error("CB-201", f"an example needs `{word}`")
    way = keyed.get("way")
    return Example(
        _text(keyed, "about", ""), _plain(keyed, "case", typed=True), _plain(keyed, "other", typed=True),
        notation.choice(way, "`way`", ("both", "import", "export")) if way else "both", keyed.place,
    )  # fmt: skip

