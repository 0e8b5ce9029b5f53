"""A record that says only what changed, laid over what its source said before.

What it does not say stays. Of a list of things of several kinds, the things of a kind it states are replaced, and those
of other kinds stay; any other list, and any other value, is replaced whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebridge.core.moments import earlier

OVER = ("ended", "cancelled")  # statuses of a participation that is no longer in effect
KINDS = {
    "addresses": ("kind",), "characteristics": ("code",), "identifiers": ("system", "scope"), "labels": ("system",),
    "names": ("use",), "sexes": ("kind",),
}  # fmt: skip
"""What tells of which kind the things of a list are."""
_OF_AN_END = ("end", "reason", "destination")


def laid_over(before: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The record as it stands after a change."""
    gone = _OF_AN_END if _begins_anew(before, said) else ()
    kept = {name: value for name, value in before.items() if name not in gone}
    things = {name: _by_kind(kept[name], said[name], names) for name, names in KINDS.items()
              if isinstance(kept.get(name), list) and isinstance(said.get(name), list)}  # fmt: skip
    return {**kept, **said, **things}


def labelled(document: Mapping[str, Any], labels: object) -> dict[str, Any]:
    """The record with these labels as well, each in the place of what is there of its system."""
    return laid_over(document, {"labels": labels}) if labels else dict(document)


def _begins_anew(before: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Is what was over in effect again, or does it begin after the end it had? Then that end is nobody's."""
    reopened = before.get("status") in OVER and isinstance(said.get("status"), str) and said["status"] not in OVER
    end, entry = before.get("end"), said.get("entry")
    return reopened or (isinstance(end, str) and isinstance(entry, str) and earlier(end, entry))


def _by_kind(before: list[Any], said: list[Any], names: tuple[str, ...]) -> list[Any]:
    """Each thing in the place of the first of its kind and new kinds at the end, so that a repeat changes nothing."""
    stated: dict[tuple[Any, ...], list[Any]] = {}
    for thing in said:
        stated.setdefault(_kind(thing, names), []).append(thing)
    done, replaced = [], set()
    for thing in before:
        kind = _kind(thing, names)
        if kind not in stated:
            done.append(thing)
        elif kind not in replaced:
            done += stated[kind]
            replaced.add(kind)
    return done + [thing for kind, things in stated.items() if kind not in replaced for thing in things]


def _kind(thing: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(thing.get(name) for name in names)
