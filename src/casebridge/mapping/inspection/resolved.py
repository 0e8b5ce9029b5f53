"""What a part of a map comes to: names looked up, constants with their kind, tables as what they turn into what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from casebridge.adapter import Converter
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.model import Link
from casebridge.mapping.paths import Condition, Path

_SAYS_NOTHING = ("place", "loss", "settled")  # where it is written, what is said of it, and what follows from the rest


def resolved(part: Any) -> Any:
    """Equal for two parts that do the same; made of texts, tuples and the like."""
    if isinstance(part, Path):
        return spelled_out(part)
    if isinstance(part, Condition):
        return condition(part)
    if isinstance(part, Converter):
        return part.name
    if isinstance(part, Link):
        return part.kind or ", ".join(f"{word}: {kind}" for word, kind in sorted(part.kinds.items()))
    if isinstance(part, CodeTable):
        return resolved((dict(part.to_case), dict(part.to_other), part.otherwise))
    if is_dataclass(part):
        return tuple((f.name, resolved(getattr(part, f.name))) for f in fields(part) if f.name not in _SAYS_NOTHING)
    if isinstance(part, Mapping):
        return tuple(sorted((str(key), resolved(value)) for key, value in part.items()))
    if isinstance(part, frozenset):
        return tuple(sorted(map(str, part)))
    if isinstance(part, tuple | list):
        return tuple(resolved(one) for one in part)
    return constant(part) if isinstance(part, bool | str) else str(part)


def spelled_out(path: Path) -> str:
    """A path with the constants its names stand for."""
    steps = [step.key if step.selector is None else f"{step.key}({' & '.join(map(condition, step.selector))})"
             for step in path.steps]  # fmt: skip
    return ".".join(["^"] * path.up + steps) or "."


def condition(one: Condition) -> str:
    """A condition with its constants; the text "true" is told from the boolean."""
    if one.test != "equal":
        return f"{spelled_out(one.path)}:{one.test}"
    first = constant(one.constant)
    return f"{spelled_out(one.path)}={'|'.join((first, *one.values[1:]))}"


def constant(value: str | bool) -> str:
    """``true`` for the boolean, ``"true"`` for the text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if value in ("true", "false") else value
