"""What generated functions call for a single value that is no plain text. Each answers, or hands the record over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from casebridge.mapping.codes import CodeTable
from casebridge.mapping.compiled.runtime import Irregular
from casebridge.mapping.likeness import all_withheld
from casebridge.mapping.model import Group, Link
from casebridge.mapping.reading import last_part, parts_of
from casebridge.mapping.translate import Links, linked
from casebridge.mapping.walk import WITHHELD, blank, clone, is_absent, settled, text_of


def copied(value: Any) -> Any:
    """A list or group of theirs as a copy of our own."""
    if type(value) is list:
        for item in value:
            if type(item) is not str:
                break
        else:
            return value[:]
    return clone(value)


def single(value: Any) -> Any:
    """One value; a list or a group is for the interpreter."""
    if isinstance(value, dict | list):
        raise Irregular
    return value


def unlisted_in(table: CodeTable, value: Any) -> Any:
    """A code of theirs that is not a text with a row; None when it is only reported."""
    if isinstance(value, dict | list):
        raise Irregular
    try:
        found = table.read(value)
    except KeyError:
        raise Irregular from None
    return None if blank(found) else found


def unlisted_out(table: CodeTable, value: Any) -> Any:
    """A case code that is not a text with a row, or an Absent; None when there is no word for it."""
    if type(value) is dict and len(value) == 1 and "absent" in value:
        found = None if value == WITHHELD else table.write(value)
        return None if blank(found) else found
    if isinstance(value, dict | list):
        raise Irregular
    try:
        found = table.write(value)
    except KeyError:
        raise Irregular from None
    return None if blank(found) else found


def flagged(value: Any) -> bool:
    """A flag that is on, though not written as 1."""
    return not blank(value) and text_of(value) in ("1", "true")


def outgoing(value: Any) -> Any:
    """A case value as it may be written: without Absent parts; None when it is withheld, Absent or empty."""
    if type(value) is list:
        for item in value:
            if type(item) is not str:
                break
        else:
            return value[:] or None
    if isinstance(value, dict | list):
        value = settled(value)
    return None if blank(value) or is_absent(value) else value


def converted(turn: Callable[[Any], Any], value: Any) -> Any:
    """A case value that is no text, converted; None for an Absent."""
    if is_absent(value):
        return None
    if isinstance(value, dict | list):
        raise Irregular
    return turn(value)


def converted_whole(turn: Callable[[Any], Any], value: Any) -> Any:
    """A list of the case side as one value, converted; None when it is withheld, Absent or empty."""
    value = outgoing(value)
    return None if value is None else copied(turn(value))


def theirs(value: Any, links: Links, link: Link) -> Any:
    """The partner's reference for a ref of ours that the link can read again, or None."""
    if type(value) is not dict or any(isinstance(part, dict | list) for part in value.values()):
        raise Irregular
    return linked(value, links, link)


def hidden(*values: Any) -> bool:
    """Is one of these, or a part of it, withheld?"""
    return any(isinstance(value, dict | list) and settled(value) == WITHHELD for value in values)


def veiled(value: Any) -> bool:
    """Is the whole group withheld?"""
    return bool(value == WITHHELD)


def words_of(value: Any) -> list[str] | None:
    """The words of a set of flags; None when they are withheld."""
    value = settled(value)
    if value == WITHHELD:
        return None
    return [word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str) and word]


def joined(line: Group, parts: dict[str, Any]) -> str:
    """The parts of a split value as one text."""
    texts = [str(parts.get(str(i), "")) for i in range(1, last_part(line) + 1)]
    if any(line.split in text for text in texts):
        raise Irregular
    while texts and not texts[-1]:
        texts.pop()
    return line.split.join(texts)


def part(value: Any) -> tuple[str, ...] | None:
    """A part of a key that is no text: nothing, or a list of texts."""
    if blank(value):
        return None
    if type(value) is not list or not all(type(item) is str for item in value):
        raise Irregular
    return tuple(value)


def parts(value: Any) -> list[Any] | None:
    """The items of a list that is spread over several places; None when it is withheld."""
    value = settled(value)
    if value == WITHHELD:
        return None
    return value if isinstance(value, list) else [] if blank(value) or is_absent(value) else [value]


def unlike(mine: Any, theirs: Any) -> bool:
    """Do values that Python takes as equal differ all the same? True is not 1, and 72.50 is not 72.5."""
    kind = type(mine)
    if kind is not type(theirs):
        return True
    if kind is not dict and kind is not list:
        return str(mine) != str(theirs)
    if not numbered(mine):
        return False  # equal texts are alike, and nearly everything is text
    if kind is list:
        return any(map(unlike, mine, theirs))
    return any(unlike(value, theirs[key]) for key, value in mine.items())


def numbered(group: Any) -> bool:
    """Does a group or list hold a value that is no text? Plain loops: this is asked of every field of every record."""
    for value in group.values() if type(group) is dict else group:
        kind = type(value)
        if kind is str:
            continue
        if (kind is not dict and kind is not list) or numbered(value):
            return True
    return False


def merge(group: dict[str, Any], key: str, value: Any) -> None:
    """A value where another line may have put one: groups become one."""
    standing = group.get(key)
    if isinstance(standing, dict) and isinstance(value, dict):
        standing.update(value)
    else:
        group[key] = value


__all__ = [
    "all_withheld",
    "converted",
    "converted_whole",
    "copied",
    "flagged",
    "hidden",
    "joined",
    "merge",
    "outgoing",
    "part",
    "parts",
    "parts_of",
    "single",
    "theirs",
    "unlike",
    "unlisted_in",
    "unlisted_out",
    "veiled",
    "words_of",
]  # fmt: skip
