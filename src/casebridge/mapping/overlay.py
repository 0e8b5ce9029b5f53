"""An overlay: a site's own map laid over a base, tree on tree, so that every line keeps the place it was written.

Keys replace keys; ``fields`` merge by their case path (``telecoms.use: drop`` takes one line out of a list's
fields, ``telecoms.best_time: hours`` adds one); rows of a code table go before the base's; ``ignore`` adds.
Examples are never taken from the base.
"""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.mapping import notation
from casebridge.mapping.notation import Entries, Items, Node, Place, Scalar

_MERGED = ("names", "match", "when", "shape", "defaults")


def lay(base: Entries, top: Entries) -> Entries:
    """``top`` over ``base``; MapError CB-202 when it drops what is not there."""
    values, keys = dict(base.values), dict(base.keys)
    values.pop("examples", None)
    for word, node in top.values.items():
        values[word], keys[word] = _laid(word, values.get(word), node), top.keys[word]
    return Entries(values, keys, top.place)


def _laid(word: str, below: Node | None, node: Node) -> Node:
    if below is None and word != "fields":
        return node
    if word == "fields":
        return _fields(below if isinstance(below, Entries) else None, notation.entries(node, "`fields`"))
    if word == "codes":
        return _tables(below, node)
    if word in _MERGED and isinstance(below, Entries) and isinstance(node, Entries):
        return Entries({**below.values, **node.values}, {**below.keys, **node.keys}, node.place)
    if word == "ignore" and below is not None:
        return Items((*_items(below), *_items(node)), node.place)
    return node


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _tables(below: Node | None, node: Node) -> Node:
    old, new = notation.entries(below or node, "`codes`"), notation.entries(node, "`codes`")
    for name, place in new.keys.items() if below is not None else ():
        table = new.values[name]
        if name not in old.values and isinstance(table, Entries) and table.get("otherwise") is None:
            raise place.error(
                "CB-203", f"`{name}` is not a code table of the base map{notation.nearest(name, old.values)}",
                remedy="Name the table the rows are for. A table of your own says what happens to a code it does "
                "not list: `otherwise: refuse`, `keep` or `report`.",
            )  # fmt: skip
    values = {name: _table(old.get(name), table) for name, table in new.values.items()}
    return Entries({**old.values, **values}, {**old.keys, **new.keys}, node.place)


def _table(below: Node | None, node: Node) -> Node:
    if not isinstance(below, Entries) or not isinstance(node, Entries):
        return node
    values = {**below.values, **node.values}
    rows = node.get("rows"), below.get("rows")
    if rows[0] is not None and rows[1] is not None:
        values["rows"] = Items((*_items(rows[0]), *_items(rows[1])), node.place)
    return Entries(values, {**below.keys, **node.keys}, node.place)


def _fields(below: Entries | None, top: Entries) -> Entries:
    values = dict(below.values) if below else {}
    keys = dict(below.keys) if below else {}
    for case, node in top.values.items():
        _no_drop_inside(case, values.get(case), node)
        drops = isinstance(node, Scalar) and node.text == "drop"
        if case not in values and (holder := _holder(values, case, drops=drops)):
            values[holder] = _laid_inside(values[holder], holder, case, node, top.keys[case])
        elif not drops:
            values[case], keys[case] = node, top.keys[case]
        elif case in values:
            del values[case], keys[case]
        else:
            raise top.keys[case].error(
                "CB-202",
                f"`{case}` is not a line of the base map, so there is nothing to drop"
                f"{notation.nearest(case, _lines_of(values))}",
            )
    return Entries(values, keys, top.place)


def _no_drop_inside(case: str, below: Node | None, node: Node) -> None:
    """``drop`` under a line would write the whole line anew."""
    for name, said in node.values.items() if isinstance(node, Entries) and isinstance(below, Entries) else ():
        if isinstance(said, Scalar) and said.text == "drop" and below.get("fields") is not None:  # type: ignore[union-attr]
            raise said.place.error(
                "CB-203", f"`{name}: drop` under `{case}:` would write the line `{case}` anew",
                remedy=f"Write `{case}.{name}: drop`, a line of its own under `fields:`.",
            )  # fmt: skip


def _lines_of(values: dict[str, Node]) -> Iterator[str]:
    """Every line that can be named: ``telecoms``, ``telecoms.use``."""
    for name, node in values.items():
        yield name
        inner = node.get("fields") if isinstance(node, Entries) else None
        if isinstance(inner, Entries):
            yield from (f"{name}.{below}" for below in _lines_of(inner.values))


def _holder(values: dict[str, Node], case: str, *, drops: bool) -> str:
    """``telecoms.use`` means the line ``use`` in the fields of the line ``telecoms``.

    Under a group a new line may stand beside the group as well: there only a line the group has is meant.
    """
    for name, node in values.items():
        inner = node.get("fields") if isinstance(node, Entries) else None
        if not isinstance(node, Entries) or not isinstance(inner, Entries) or not case.startswith(name + "."):
            continue
        rest, listed = case[len(name) + 1 :], node.get("each") is not None
        if drops or listed or rest in inner.values or _holder(inner.values, rest, drops=False):
            return name
    return ""


def _laid_inside(line: Node, name: str, case: str, node: Node, place: Place) -> Entries:
    """A line with ``node`` laid over its fields; a field that is dropped leaves the line's key as well."""
    whole = notation.entries(line, f"`{name}`")
    inner, rest = notation.entries(whole.values["fields"], "`fields`"), case[len(name) + 1 :]
    values = {**whole.values, "fields": _fields(inner, Entries({rest: node}, {rest: place}, place))}
    if isinstance(node, Scalar) and node.text == "drop" and (key := whole.get("key")) is not None:
        gone = {rest, _outside(inner, rest)}
        left = tuple(part for part in _items(key) if not (isinstance(part, Scalar) and part.text in gone))
        if not left:
            raise place.error(
                "CB-207", f"`{case}` is the key of the list: without it nobody can tell its items apart",
                remedy=f"Write the line `{name}` anew with another `key`, or drop all of it.",
            )  # fmt: skip
        values["key"] = Items(left, key.place)
    return Entries(values, whole.keys, whole.place)


def _outside(fields: Entries, case: str) -> str:
    """The outside path of a line among ``fields``, as a key names it."""
    node = fields.get(case)
    if isinstance(node, Entries):
        node = node.get("at")
    if isinstance(node, Scalar):
        return node.text
    for name, group in fields.values.items():
        inner = group.get("fields") if isinstance(group, Entries) else None
        if isinstance(group, Entries) and isinstance(inner, Entries) and case.startswith(name + "."):
            above = group.get("in")
            return f"{above.text if isinstance(above, Scalar) else ''}.{_outside(inner, case[len(name) + 1 :])}"
    return ""
