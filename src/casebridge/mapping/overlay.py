"""An overlay: a site's own map laid over a base, tree on tree, so that every line keeps the place it was written.

Keys replace keys; ``fields`` merge by their case path (``telecoms.use: drop`` takes one line out of a list's
fields); rows of a code table go before the base's; ``ignore`` adds. Examples are never taken from the base.
"""

from __future__ import annotations

from casebridge.mapping import notation
from casebridge.mapping.notation import Entries, Items, Node, Scalar

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
        if not (isinstance(node, Scalar) and node.text == "drop"):
            values[case], keys[case] = node, top.keys[case]
        elif case in values:
            del values[case], keys[case]
        else:
            _drop_below(values, case, top)
    return Entries(values, keys, top.place)


def _drop_below(values: dict[str, Node], case: str, top: Entries) -> None:
    """``telecoms.use: drop``: the line ``use`` under the line ``telecoms``."""
    for name, node in values.items():
        inner = node.get("fields") if isinstance(node, Entries) else None
        if case.startswith(name + ".") and isinstance(node, Entries) and isinstance(inner, Entries):
            mark = Scalar("drop", top.keys[case])
            rest = case[len(name) + 1 :]
            pruned = _fields(inner, Entries({rest: mark}, {rest: top.keys[case]}, top.place))
            values[name] = Entries({**node.values, "fields": pruned}, node.keys, node.place)
            return
    raise top.keys[case].error(
        "CB-202", f"`{case}` is not a line of the base map{notation.nearest(case, values)}; there is nothing to drop"
    )
