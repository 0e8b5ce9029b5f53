"""An overlay leaves the lines for ``labels`` as they are: a label says who must not see a record.

Where the line is dropped, narrowed or its codes turned into others, a record under the walls of 42 CFR Part 2 would
look like any other, and go to everyone. Reading more labels is what an overlay may do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from casebridge.core.errors import MapError
from casebridge.mapping import notation
from casebridge.mapping.notation import Entries, Items, Node, Place, Scalar

LABELS = "labels"
_SELECTOR, _NAMES = re.compile(r"\([^)]*\)"), re.compile(r"[^.]+")


def check(base: Entries, laid: Entries) -> None:
    """MapError CB-213 when a line for labels of ``base`` is not as it was in the map ``laid`` over it."""
    after = dict(_lines(laid.get("fields"), ""))
    for path, (node, _) in _lines(base.get("fields"), ""):
        if path not in after:
            raise _error(laid.place, f"this overlay takes the line `{path}` of its base away")
        if notation.plain(after[path][0]) != notation.plain(node):  # the same words may stand in the overlay again
            raise _error(after[path][1], f"this overlay changes the line `{path}` of its base")
        for table in _tables(node):
            _check_table(table, base, laid)


def _lines(fields: Node | None, above: str) -> Iterator[tuple[str, tuple[Node, Place]]]:
    """(its path, the line and its place) of every line for labels, at any depth."""
    for name, node in fields.values.items() if isinstance(fields, Entries) else ():
        path = f"{above}{name}"
        if LABELS in _NAMES.findall(_SELECTOR.sub("", name)):
            yield path, (node, fields.keys[name] if isinstance(fields, Entries) else node.place)
        elif isinstance(node, Entries):
            yield from _lines(node.get("fields"), f"{path}.")
            branches = node.get("choose")
            for i, branch in enumerate(branches.items if isinstance(branches, Items) else ()):
                yield from _lines(branch.get("fields") if isinstance(branch, Entries) else None, f"{path}[{i}].")


def _tables(node: Node) -> Iterator[str]:
    """The code tables a line names."""
    if not isinstance(node, Entries):
        return
    codes = node.get("codes")
    if isinstance(codes, Scalar):
        yield codes.text
    inner = node.get("fields")
    for below in inner.values.values() if isinstance(inner, Entries) else ():
        yield from _tables(below)


def _check_table(name: str, base: Entries, laid: Entries) -> None:
    """Rows for codes the base knows nothing of may come first; a row for one it knows would take its place."""
    old, new = _table(base, name), _table(laid, name)
    if old is None or new is None or old == new:
        return
    before, after = _rows(old), _rows(new)
    added = after[: len(after) - len(before)]
    known = {_text(row, 1) for row in before}
    clash = next((row for row in added if _text(row, 1) in known), None)
    if clash is not None:
        raise _error(clash.place, f"this overlay gives a code of `{name}` another label than its base")
    if after[len(added) :] != before or _said(new) != _said(old):
        raise _error(new.place, f"this overlay changes the labels of the code table `{name}`")


def _table(tree: Entries, name: str) -> Entries | None:
    codes = tree.get("codes")
    found = codes.get(name) if isinstance(codes, Entries) else None
    return found if isinstance(found, Entries) else None


def _rows(table: Entries) -> tuple[Node, ...]:
    rows = table.get("rows")
    return rows.items if isinstance(rows, Items) else ()


def _said(table: Entries) -> tuple[str, ...]:
    words = (table.get("otherwise"), table.get("file"))
    return tuple(word.text if isinstance(word, Scalar) else "" for word in words)


def _text(row: Node, cell: int) -> str:
    found = row.items[cell] if isinstance(row, Items) and len(row.items) > cell else None
    return found.text if isinstance(found, Scalar) else ""


def _error(place: Place, what: str) -> MapError:
    return place.error(
        "CB-213", f"{what}, and labels say who must not see a record. One under 42 CFR Part 2 would be taken for an "
        "ordinary one and could go to anyone",
        remedy="Leave the line as it is. To read labels from another place too, write a line of your own beside it "
        "with `only: import`; to give up labels on purpose, write a whole map instead of an overlay.",
    )  # fmt: skip
