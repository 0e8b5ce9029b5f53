"""From the tree of a map to its lines. Unknown words, bad paths and lists without a key are refused here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from casebridge.adapter import Converter
from casebridge.core.case import KINDS
from casebridge.mapping import notation
from casebridge.mapping.model import (
    BOTH,
    Branch,
    Choose,
    Each,
    Flags,
    Group,
    Leaf,
    Line,
    Link,
    Spread,
)  # fmt: skip
from casebridge.mapping.notation import Entries, Items, Node, Place, Scalar
from casebridge.mapping.paths import Path, Step
from casebridge.mapping.surroundings import Surroundings

SHAPES = ("at", "in", "each", "flags", "choose")
_COMMON = frozenset({"when", "only", "loss", "about"})
_VALUE = frozenset({"codes", "as", "link"})
WORDS: dict[str, frozenset[str]] = {
    "at": _COMMON | _VALUE | {"at", "with", "required", "if_missing", "also_read", "split", "fields"},
    "in": _COMMON | {"in", "fields"},
    "each": _COMMON | {"each", "key", "fields"},
    "flags": _COMMON | {"flags", "none"},
    "choose": _COMMON | {"choose"},
}
_PART = re.compile("[1-9][0-9]?")
ALL_WORDS = frozenset().union(*WORDS.values())


def lines(node: Node, around: Surroundings) -> tuple[Line, ...]:
    """The lines under ``fields:``."""
    keyed = notation.entries(node, "`fields`")
    found = [
        line(around.path_of(key, keyed.keys[key]), value, around, keyed.keys[key])
        for key, value in keyed.values.items()
    ]
    settled = frozenset(each.other for each in found if isinstance(each, Leaf) and "export" in each.ways)
    return tuple(replace(each, settled=settled) if isinstance(each, Choose) else each for each in found)


def line(case: Path, node: Node, around: Surroundings, place: Place) -> Line:
    """One line: a path, a list of places, or words."""
    made = _line(case, node, around, place)
    if case.up and "import" in made.ways:
        raise place.error(
            "CB-202", f"`{case}` reaches up to the record round this one, where import cannot write",
            remedy="Write the line beside that record's own lines, or say `only: export` here.",
        )  # fmt: skip
    return made


def _line(case: Path, node: Node, around: Surroundings, place: Place) -> Line:
    if isinstance(node, Scalar):
        return Leaf(case, place, other=leaf_path(around.path(node), node.place))
    if isinstance(node, Items):
        return Spread(case, place, parts=_parts(case, node, Entries({}, {}, node.place), around))
    shape = _shape(node)
    notation.check_words(node, WORDS[shape], f"a line with `{shape}`")
    return _BUILDERS[shape](case, node, around, place)


def _shape(node: Entries) -> str:
    found = [word for word in SHAPES if word in node.values]
    if len(found) == 1:
        return found[0]
    notation.check_words(node, ALL_WORDS, "a line")
    said = " and ".join(f"`{word}`" for word in found) or "none of them"
    raise node.place.error("CB-201", f"a line has one of {', '.join(SHAPES)}; this one has {said}")


def _common(node: Entries, around: Surroundings) -> dict[str, Any]:
    only, when, loss = node.get("only"), node.get("when"), node.get("loss")
    way = notation.choice(only, "`only`", ("import", "export")) if only else ""
    return {
        "ways": frozenset({way}) if way else BOTH,
        "when": around.conditions(when, "`when`") if when else (),
        "loss": notation.text(loss, "`loss`") if loss else "",
    }


def leaf_path(path: Path, place: Place) -> Path:
    """A path that ends at a value and not at a whole item of a list; MapError CB-202."""
    if path.steps and path.steps[-1].selector is not None:
        raise place.error("CB-202", f"`{path}` picks an item; say which field of it, as in `{path}.value`")
    return path


def _at(case: Path, node: Entries, around: Surroundings, place: Place) -> Line:
    at = node.values["at"]
    if "split" in node.values:
        return _split(case, node, around, place)
    if isinstance(at, Items):
        return Spread(case, place, **_common(node, around), parts=_parts(case, at, node, around))
    if "fields" in node.values:
        raise node.keys["fields"].error("CB-203", "`fields` stands with `in`, `each` or `split`, not with `at` alone")
    return _leaf(case, at, node, around, place)


def _leaf(case: Path, at: Node, node: Entries, around: Surroundings, place: Place) -> Leaf:
    other = leaf_path(around.path(at, "`at`"), at.place)
    also = node.get("also_read")
    beside = node.get("with")
    if beside and not other.steps:
        raise node.keys["with"].error("CB-203", f"`with` stands beside a field; `{other}` is the whole item")
    return Leaf(
        case,
        place,
        **_common(node, around),
        **_value(node, around),
        other=other,
        also_read=tuple(leaf_path(around.path(p), p.place) for p in _each_node(also, "`also_read`")) if also else (),
        beside=tuple(
            replace(c, path=other.beside(c.path)) for c in around.conditions(beside, "`with`")
        ) if beside else (),
        required=_required(node),
        if_missing=_if_missing(node, around),
    )  # fmt: skip


def _value(node: Entries, around: Surroundings) -> dict[str, Any]:
    codes, convert, link = node.get("codes"), node.get("as"), node.get("link")
    if link and (codes or convert):
        raise node.keys["link"].error("CB-203", "`link` stands alone, without `codes` or `as`")
    return {
        "codes": around.tables(codes) if codes and around.tables else None,
        "convert": _converter(convert, around) if convert else None,
        "link": _link(link) if link else None,
    }


def _converter(node: Node, around: Surroundings) -> Converter:
    name = notation.text(node, "`as`")
    if name not in around.converters:
        raise node.place.error(
            "CB-203", f"`{name}` is not a converter{notation.nearest(name, around.converters)}",
            remedy=f"Use one of {', '.join(sorted(around.converters))}, or install the plugin that brings it.",
        )  # fmt: skip
    return around.converters[name]


def _link(node: Node) -> Link:
    if isinstance(node, Entries):
        notation.filled(node, "`link`", "Write {Patient: person}, or one kind of record: `link: person`.")
        return Link(kinds={word: _kind(value) for word, value in node.values.items()})
    return Link(_kind(node))


def _kind(node: Node) -> str:
    return notation.choice(node, "`link`", tuple(KINDS))


def _required(node: Entries) -> frozenset[str]:
    said = node.get("required")
    if said is None:
        return frozenset()
    way = notation.choice(said, "`required`", ("both", "import", "export"))
    return BOTH if way == "both" else frozenset({way})


def _if_missing(node: Entries, around: Surroundings) -> dict[str, str]:
    said = node.get("if_missing")
    if said is None:
        return {}
    if not isinstance(said, Entries):
        return dict.fromkeys(BOTH, around.constant(said))
    notation.check_words(said, BOTH, "`if_missing`")
    return {way: around.constant(value) for way, value in said.values.items()}


def _parts(case: Path, at: Items, node: Entries, around: Surroundings) -> tuple[Leaf, ...]:
    notation.filled(at, f"the list of places of `{case}`", "Name the places in order, or take the line away.")
    for word in ("with", "also_read", "required", "if_missing"):
        if word in node.values:
            raise node.keys[word].error("CB-203", f"`{word}` does not stand with several places")
    return tuple(_leaf(case, part, node, around, part.place) for part in at.items)


def _each_node(node: Node, what: str) -> Iterable[Node]:
    notation.filled(node, what, "Name at least one field, or take the word away where the line can do without.")
    return node.items if isinstance(node, Items) else (node,)


def _fields(node: Entries, around: Surroundings, word: str) -> tuple[Line, ...]:
    fields = node.get("fields")
    if fields is None:
        raise node.place.error("CB-201", f"`{word}` needs `fields`")
    return lines(fields, around)


def _split(case: Path, node: Entries, around: Surroundings, place: Place) -> Line:
    notation.check_words(node, _COMMON | {"at", "split", "fields"}, "a line with `split`")
    fields = _fields(node, around, "split")
    for part in fields:
        if not isinstance(part, Leaf) or not _PART.fullmatch(part.other.text):
            raise part.place.error(
                "CB-201", "under `split` every field is the number of a part: 1, 2, 3 ... up to 99",
                remedy="Count the parts from 1; a text of more parts is no text of fixed parts.",
            )  # fmt: skip
    _check_gap(node, fields)
    other = leaf_path(around.path(node.values["at"], "`at`"), node.values["at"].place)
    mark = notation.text(node.values["split"], "`split`")
    return Group(case, place, **_common(node, around), other=other, fields=fields, split=mark)


def _check_gap(node: Entries, fields: Iterable[Line]) -> None:
    """A part without a line would be lost whenever the text is written."""
    named = {int(part.other.text) for part in fields if isinstance(part, Leaf)}
    gap = next((n for n in range(1, max(named, default=0)) if n not in named), None)
    if gap is not None:
        raise node.values["fields"].place.error(
            "CB-201", f"part {gap} of the text has no line, so what stands there would be lost",
            remedy=f"Give part {gap} a field, or map the whole text with `at` alone.",
        )  # fmt: skip


def _in(case: Path, node: Entries, around: Surroundings, place: Place) -> Line:
    other = around.path(node.values["in"], "`in`")
    return Group(case, place, **_common(node, around), other=other, fields=_fields(node, around, "in"))


def _each(case: Path, node: Entries, around: Surroundings, place: Place) -> Line:
    other = around.path(node.values["each"], "`each`")
    fields = _fields(node, around, "each")
    said = node.get("key")
    if said is None:
        raise place.error("CB-207", f"the list `{other}` has no `key`")
    if other.up or not other.steps:
        raise node.values["each"].place.error("CB-202", "`each` names a list below the present place")
    known = list(_keyable(fields))
    key = tuple(_key_part(part, known) for part in _each_node(said, "`key`"))
    return Each(case, place, **_common(node, around), other=other, fields=fields, key=key)


def _keyable(fields: Iterable[Line], case: Path = Path(), other: str = "") -> Iterable[tuple[Path, str, Leaf]]:  # noqa: B008
    """Each leaf below ``fields``: its case path, its outside path as text, and its line."""
    for each in fields:
        path = _joined(case, each.case)
        if isinstance(each, Leaf):
            yield path, _text(other, each.other.text), each
        elif isinstance(each, Spread):
            yield path, _text(other, each.parts[0].other.text), each.parts[0]
        elif isinstance(each, Group):
            yield from _keyable(each.fields, path, _text(other, each.other.text))
        elif isinstance(each, Choose):
            for branch in each.branches:
                for condition in branch.case:
                    path = _joined(case, condition.path)
                    yield path, path.text, Leaf(condition.path, each.place)
                yield from _keyable(branch.fields, case, other)


def _joined(above: Path, below: Path) -> Path:
    steps: tuple[Step, ...] = above.steps + below.steps
    return Path(steps, 0, _text(above.text if above.steps else "", below.text))


def _text(above: str, below: str) -> str:
    parts = [part for part in (above, below) if part not in ("", ".")]
    return ".".join(parts) or "."


def _key_part(node: Node, known: list[tuple[Path, str, Leaf]]) -> tuple[Path, Leaf]:
    """The field a key names, by its outside path or else by its case path."""
    said = notation.text(node, "`key`")
    for case, other, leaf in known:
        if said == other:
            return case, leaf
    for case, _, leaf in known:
        if said == case.text:
            return case, leaf
    words = {other for _, other, _ in known} | {case.text for case, _, _ in known}
    raise node.place.error("CB-202", f"the key `{said}` is not one of the list's fields{notation.nearest(said, words)}")


def _flags(case: Path, node: Entries, around: Surroundings, place: Place) -> Line:
    keyed = notation.entries(node.values["flags"], "`flags`")
    notation.filled(keyed, "`flags`", "Write each word with its place: {asian: Asian, white: White}.")
    flags = tuple((word, leaf_path(around.path(value), value.place)) for word, value in keyed.values.items())
    none = node.get("none")
    leaf = line(case, none, around, none.place) if none else None
    if leaf is not None and not isinstance(leaf, Leaf):
        raise none.place.error("CB-201", "`none` is one place, such as {at: RaceNone, codes: race_none}")  # type: ignore[union-attr]
    return Flags(case, place, **_common(node, around), flags=flags, none=leaf)


def _choose(case: Path, node: Entries, around: Surroundings, place: Place) -> Line:
    said = node.values["choose"]
    if not isinstance(said, Items) or not said.items:
        raise said.place.error("CB-201", "`choose` is a list of branches: - {case: ..., other: ..., fields: ...}")
    branches = tuple(_branch(notation.entries(item, "a branch"), around) for item in said.items)
    return Choose(case, place, **_common(node, around), branches=branches)


def _branch(node: Entries, around: Surroundings) -> Branch:
    notation.check_words(node, frozenset({"case", "other", "fields"}), "a branch")
    for word in ("case", "other", "fields"):
        if word not in node.values:
            raise node.place.error("CB-201", f"a branch needs `{word}`")
    case, other = (around.conditions(node.values[side], f"`{side}`") for side in ("case", "other"))
    return Branch(case, other, _fields(node, around, "choose"), node.place)


_BUILDERS: dict[str, Callable[[Path, Entries, Surroundings, Place], Line]] = {
    "at": _at, "in": _in, "each": _each, "flags": _flags, "choose": _choose,
}  # fmt: skip
