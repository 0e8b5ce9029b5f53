"""A map with its overlays laid on, as YAML that loads again; each line says which file it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from casebridge.mapping import maps
from casebridge.mapping.notation import Entries, Items, Node, Place, Scalar

WIDTH = 100  # what fits is written on one line
_PLAIN = re.compile(r"[A-Za-z0-9_$./^(][A-Za-z0-9_$./^()=|& +*;<>~@-]*(?:[:#][A-Za-z0-9_$./()=|&+@-]+)*")
_MARKS = re.compile(r"[,\[\]{}]|^[&*!|>%@`-]|: |:$| #|^$")


def tree_of(path: Path, search: Sequence[Path] = ()) -> Entries:
    """The tree of a map file with its bases under it; MapError when it has none."""
    roots = tuple(dict.fromkeys((path.parent, path.parent.parent, *search)))
    return maps._tree(path, roots, {})


def effective_yaml(tree: Entries) -> str:
    """The whole map as YAML, with ``# file:line`` behind the first line of what stands there."""
    return "\n".join(_block(Entries({k: v for k, v in tree.values.items() if k != "base"}, tree.keys, tree.place), 0))


def _block(node: Entries, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, value in node.values.items():
        head, origin = f"{pad}{_text(key)}:", _origin(node.keys.get(key, node.place))
        flow = _flow(value)
        if len(head) + len(flow) < WIDTH and not (depth == 0 and isinstance(value, Entries)):
            yield f"{head} {flow}{origin}"
        elif isinstance(value, Entries):
            yield head + origin
            yield from _block(value, depth + 1)
        elif isinstance(value, Items):
            yield head + origin
            yield from _items(value, depth + 1)
        else:
            yield f"{head} {flow}{origin}"


def _items(node: Items, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for item in node.items:
        flow = _flow(item)
        if isinstance(item, Entries) and len(pad) + len(flow) > WIDTH:
            first, *rest = _block(item, depth + 1)
            yield f"{pad}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{pad}- {flow}{_origin(item.place)}"


def _flow(node: Node) -> str:
    if isinstance(node, Scalar):
        return _text(node.text, plain=node.plain)
    if isinstance(node, Items):
        return f"[{', '.join(map(_flow, node.items))}]"
    return "{" + ", ".join(f"{_text(key)}: {_flow(value)}" for key, value in node.values.items()) + "}"


def _text(text: str, *, plain: bool = True) -> str:
    """The text so that YAML reads it as it is, in a list too; what was quoted stays quoted."""
    if plain and _PLAIN.fullmatch(text) and not _MARKS.search(text) and text == text.strip():
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def _origin(place: Place) -> str:
    return f"  # {place.short}"
