"""Two documents, place by place: what was added, changed and removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Literal

_GONE = object()


@dataclass(frozen=True, slots=True)
class Place:
    """One place that differs: ``where`` is a path such as ``names[0].family``; the values are personal data."""

    what: Literal["added", "changed", "removed"]
    where: str
    before: Any = None
    after: Any = None


def places(before: Any, after: Any, where: str = "") -> Iterator[Place]:
    """The places that differ, in the order of the paths; an item put in the middle of a list is one place.

    >>> [(p.what, p.where) for p in places({"a": [1, 2], "b": 1}, {"a": [0, 1, 2]})]
    [('added', 'a[0]'), ('removed', 'b')]
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from _place(before.get(name, _GONE), after.get(name, _GONE), f"{where}.{name}" if where else name)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, where)
    elif before != after:
        yield Place("changed", where, before, after)


def _place(before: Any, after: Any, where: str) -> Iterator[Place]:
    if before is _GONE:
        yield Place("added", where, None, after)
    elif after is _GONE:
        yield Place("removed", where, before)
    else:
        yield from places(before, after, where)


def _of_lists(before: Sequence[Any], after: Sequence[Any], where: str) -> Iterator[Place]:
    matched = SequenceMatcher(None, list(map(_text, before)), list(map(_text, after)), autojunk=False)
    for tag, start, end, first, last in matched.get_opcodes():
        if tag == "equal":
            continue
        pairs = zip_longest(range(start, end), range(first, last))
        for old, new in pairs:
            yield from _place(
                _GONE if old is None else before[old], _GONE if new is None else after[new],
                f"{where}[{old if new is None else new}]")  # fmt: skip


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
