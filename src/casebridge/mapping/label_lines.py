"""An overlay leaves the lines for ``labels`` as they are: a label says who must not see a record.

Where the line is dropped, narrowed or its codes turned into others, a record under the walls of 42 CFR Part 2 would
look like any other, and go to everyone. Reading more labels is what an overlay may do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casebridge.core.errors import MapError
from casebridge.mapping import notation
from casebridge.mapping.notation import Entries, Items, Node, Place, Scalar

LABELS = "labels"
_SELECTOR, _NAMES = re.compile(r"\([^)]*\)"), re.compile(r"[^.]+")
_CONSTANT, _WORD = re.compile(r"\$([^&|)\"]+)"), re.compile(r"[\w-]+")
_NO_MATTER = frozenset({"fields", "choose", "key", "loss", "about"})  # of a line round another: not where that reads


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands round a line, its short names replaced, as far as it says where and when the line reads."""

    said: Any
    place: Place


@dataclass(frozen=True, slots=True)
class _Line:
    """A line for labels, its short names replaced, and what stands round it."""

    node: Node
    said: Any
    place: Place
    around: tuple[_Around, ...]


def check(base: Entries, laid: Entries) -> None:
    """MapError CB-213 when a line for labels of ``base`` reads not as it did in the map ``laid`` over it."""
    after = dict(_lines(laid.get("fields"), "", (), _names(laid)))
    for path, line in _lines(base.get("fields"), "", (), _names(base)):
        if path not in after:
            raise _error(laid.place, f"this overlay takes the line `{path}` of its base away")
        new = after[path]
        if notation.plain(new.node) != notation.plain(line.node):  # the same words may stand in the overlay again
            raise _error(new.place, f"this overlay changes the line `{path}` of its base")
        if new.said != line.said or [each.said for each in new.around] != [each.said for each in line.around]:
            raise _error(_moved(line, new, laid), f"this overlay changes where or when the line `{path}` reads")
        _check_parents(path, line, base, laid)
        for table in _tables(line.node):
            _check_table(table, base, laid)


def _lines(
    fields: Node | None, above: str, around: tuple[_Around, ...], names: Mapping[str, str]
) -> Iterator[tuple[str, _Line]]:
    """(its path, the line) of every line for labels, at any depth."""
    for name, node in fields.values.items() if isinstance(fields, Entries) else ():
        path, place = f"{above}{name}", fields.keys[name] if isinstance(fields, Entries) else node.place
        if LABELS in (word.strip(' "') for word in _NAMES.findall(_SELECTOR.sub("", name))):
            yield path, _Line(node, _named({name: notation.plain(node)}, names), place, around)
        elif isinstance(node, Entries):
            words = {word: notation.plain(said) for word, said in node.values.items() if word not in _NO_MATTER}
            here = (*around, _Around(_named({name: words}, names), place))
            yield from _lines(node.get("fields"), f"{path}.", here, names)
            branches, before = node.get("choose"), list[Any]()
            for i, branch in enumerate(branches.items if isinstance(branches, Items) else ()):
                if isinstance(branch, Entries):  # it counts where those before it do not
                    asked = (branch.get("case"), branch.get("other"))
                    before.append([_named(notation.plain(said), names) for said in asked if said is not None])
                    inner = (*here, _Around(list(before), branch.place))
                    yield from _lines(branch.get("fields"), f"{path}[{i}].", inner, names)


def _names(tree: Entries) -> dict[str, str]:
    """The short names of a map."""
    names = tree.get("names")
    found = names.values if isinstance(names, Entries) else {}
    return {name: said.text for name, said in found.items() if isinstance(said, Scalar)}


def _named(said: Any, names: Mapping[str, str]) -> Any:
    """What is written with the constants for which its ``$names`` stand."""
    if isinstance(said, dict):
        return {_named(key, names): _named(value, names) for key, value in said.items()}
    if isinstance(said, list):
        return [_named(item, names) for item in said]
    if not isinstance(said, str):
        return said
    return _CONSTANT.sub(lambda found: names.get(found[1].strip(), found[0]), said)


def _moved(line: _Line, new: _Line, laid: Entries) -> Place:
    """Where the overlay says what moves the line: round it, or among the names."""
    for before, after in zip(line.around, new.around, strict=True):
        if before.said != after.said and after.place.file == laid.place.file:
            return after.place
    names = laid.get("names")
    return names.place if names else laid.place


def _check_parents(path: str, line: _Line, base: Entries, laid: Entries) -> None:
    """The records joined to this one in which the line reads or looks must be found as before, whoever owns them."""
    words = set(_WORD.findall(f"{line.said} {[each.said for each in line.around]}"))
    old, new = _parents(base), _parents(laid)
    for name in (old.keys() | new.keys()) & words:
        if old.get(name) != new.get(name):
            shape = laid.get("shape")
            raise _error(
                shape.place if shape else laid.place,
                f"this overlay finds `{name}` otherwise, in which the line `{path}` of its base reads",
            )


def _parents(tree: Entries) -> dict[str, Any]:
    shape = tree.get("shape")
    parents = shape.get("parents") if isinstance(shape, Entries) else None
    found = parents.values if isinstance(parents, Entries) else {}
    return {
        name: {word: notation.plain(value) for word, value in said.values.items() if word != "owner"}
        for name, said in found.items() if isinstance(said, Entries)
    }  # fmt: skip


def _tables(node: Node) -> Iterator[str]:
    """The code tables a line names, or one below it."""
    if isinstance(node, Items):
        for item in node.items:
            yield from _tables(item)
    for word, said in node.values.items() if isinstance(node, Entries) else ():
        if word == "codes" and isinstance(said, Scalar):
            yield said.text
        else:
            yield from _tables(said)


def _check_table(name: str, base: Entries, laid: Entries) -> None:
    """Rows for codes the base knows nothing of may come first; a row for one it knows would take its place.

    A table that keeps what it does not list knows every code: as itself. Of rows in a file nothing is known here.
    """
    old, new = _table(base, name), _table(laid, name)
    if old is None or new is None:
        return
    before, after = _rows(old, base), _rows(new, laid)
    added, keeps = after[: len(after) - len(before)], _said(old)[0] == "keep"
    known = {said[1] for said, _ in before}
    for said, place in added:
        other = keeps and said[2:] != ["export"] and said[0] != said[1]
        if said[1] in known or other or _said(old)[1]:
            raise _error(place, f"this overlay gives a code of `{name}` another label than its base")
    if [said for said, _ in after[len(added) :]] != [said for said, _ in before] or _said(new) != _said(old):
        raise _error(new.place, f"this overlay changes the labels of the code table `{name}`")


def _table(tree: Entries, name: str) -> Entries | None:
    codes = tree.get("codes")
    found = codes.get(name) if isinstance(codes, Entries) else None
    return found if isinstance(found, Entries) else None


def _rows(table: Entries, tree: Entries) -> list[tuple[list[str], Place]]:
    """The cells of each row, short names replaced, and where it stands; what is no row is refused elsewhere."""
    rows, names = table.get("rows"), _names(tree)
    found = [row for row in (rows.items if isinstance(rows, Items) else ()) if isinstance(row, Items)]
    return [([_named(_text(cell), names).strip() for cell in row.items] + [""] * (2 - len(row.items)), row.place)
            for row in found]  # fmt: skip


def _said(table: Entries) -> tuple[str, ...]:
    words = (table.get("otherwise"), table.get("file"))
    return tuple(word.text if isinstance(word, Scalar) else "" for word in words)


def _text(cell: Node) -> str:
    return cell.text if isinstance(cell, Scalar) else ""


def _error(place: Place, what: str) -> MapError:
    return place.error(
        "CB-213", f"{what}, and labels say who must not see a record. One under 42 CFR Part 2 would be taken for an "
        "ordinary one and could go to anyone",
        remedy="Leave the line as it is. To read labels from another place too, write a line of your own beside it "
        "with `only: import`; to give up labels on purpose, write a whole map instead of an overlay.",
    )  # fmt: skip
