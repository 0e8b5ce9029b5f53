"""Every text that a map itself says, and what else it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casebridge.core.case import PLURALS
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import Definition, Flags, Leaf, Link
from casebridge.mapping.parts import parts_of
from casebridge.mapping.paths import Condition
from casebridge.mapping.reading import ON
from casebridge.mapping.tree import text_of


def parts_of_map(definition: Definition) -> list[Any]:
    """The lines, paths, conditions, code tables and links of a map, at any depth."""
    return list(parts_of((definition.match, definition.when, definition.fields)))


def words_of_map(definition: Definition, parts: Iterable[Any]) -> frozenset[str]:
    """The texts that the map tells from every other; nothing is one of them."""
    constants = (text_of(constant) for lines in definition.defaults.values() for _, constant in lines)
    said = (word for part in parts for word in _said(part))
    return frozenset(("", "true", "false", *ON, *PLURALS, *constants, *said))


def _said(part: Any) -> Iterator[str]:
    if isinstance(part, Condition):
        yield from (*part.values, text_of(part.constant))
    elif isinstance(part, Flags):
        yield from (word for word, _ in part.flags)
    elif isinstance(part, Link):
        yield from (*part.targets, *part.kinds)
    elif isinstance(part, Leaf):
        yield from map(text_of, part.if_missing.values())
    elif isinstance(part, CodeTable):
        yield from (text_of(word) for row in part.rows for word in (row.case, row.other))
