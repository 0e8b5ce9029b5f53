"""Concrete places of a record: the values at them, and those a map ignores on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from casebridge.core.errors import quiet_place
from casebridge.mapping.model import Definition
from casebridge.mapping.walk import everywhere, leaves, spelled

_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def at(data: Mapping[str, Any], place: str) -> Any:
    """The value at ``name[0].family``; None when nothing stands there."""
    node: Any = data
    for index, key in _PART.findall(place):  # a key that holds a dot or a bracket itself is not found
        try:
            node = node[int(index)] if index else node[key]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def general(place: str) -> str:
    """The place without its positions: ``name[].family``; a name that is hardly one of a field is masked."""
    return re.sub(r"\[\d+\]", "[]", quiet_place(place))


def ignored(definition: Definition, data: dict[str, Any]) -> list[str]:
    """The single values of a record that stand under ``ignore:``."""
    return [
        spelled((*place, *below)) for path in definition.ignore for node, place in everywhere(data, path.steps)
        for below in leaves(node)
    ]  # fmt: skip
