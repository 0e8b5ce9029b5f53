"""What a map is made of, at any depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from casebridge.adapter import Converter
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import Choose, Each, Group, Line
from casebridge.mapping.notation import Place


def all_lines(lines: Iterable[Line]) -> Iterator[Line]:
    """Each line, and those inside it: of a group, of the items of a list, of every branch."""
    for line in lines:
        yield line
        if isinstance(line, Group | Each):
            yield from all_lines(line.fields)
        elif isinstance(line, Choose):
            for branch in line.branches:
                yield from all_lines(branch.fields)


def parts_of(node: Any) -> Iterator[Any]:
    """The lines, paths, conditions, links, converters and code tables in a part of a map; no places in its text."""
    if isinstance(node, Place):
        return
    if isinstance(node, tuple | list | frozenset):
        for item in node:
            yield from parts_of(item)
    elif isinstance(node, Converter | CodeTable):
        yield node
    elif is_dataclass(node):
        yield node
        for one in fields(node):
            yield from parts_of(getattr(node, one.name))
