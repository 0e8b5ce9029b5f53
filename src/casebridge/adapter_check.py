"""Is this really a format, a link, a door, a converter? Checked once, when a plugin registers it.

Each function raises ``SetupError`` CB-120 that names the class, what is wrong with it and what was expected. What
only running can show (does ``parse`` stream? does the law hold?) is the work of ``casebridge.testing``.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from casebridge.adapter import Converter, Door, Format, Link, Natives, Settings
from casebridge.core.errors import SetupError

CAPABILITIES = frozenset({"identity", "parse", "render", "screen", "check", "notices"})
_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")  # as people write it in casebridge.toml and in maps


def check_format(cls: Any) -> str:
    """The format's name, or SetupError CB-120."""
    _check_class(cls, Format, "format")
    unknown = _capabilities(cls) - CAPABILITIES
    if unknown:
        expected = ", ".join(sorted(CAPABILITIES))
        raise _wrong(cls, f"declares the capability {', '.join(sorted(unknown))}; expected any of: {expected}")
    return str(cls.name)


def check_link(cls: Any) -> str:
    """The link's name, or SetupError CB-120."""
    _check_class(cls, Link, "link")
    return str(cls.name)


def check_door(cls: Any) -> str:
    """The door's name, or SetupError CB-120."""
    _check_class(cls, Door, "door")
    return str(cls.name)


def check_converter(converter: Any) -> str:
    """The converter's name, or SetupError CB-120. A converter without samples has a law nobody can test."""
    if not isinstance(converter, Converter):
        raise _wrong(converter, "is not a casebridge.Converter")
    _check_name(converter, converter.name)
    if converter.law not in ("exact", "canonical", "lossy"):
        raise _wrong(converter, f"has the law {converter.law!r}; expected exact, canonical or lossy")
    if not (callable(converter.read) and callable(converter.write)):
        raise _wrong(converter, "needs read and write to be functions of one value")
    if not converter.samples:
        raise _wrong(converter, "has no samples; give at least one pair (theirs, ours)")
    return converter.name


def check_natives(natives: Any) -> str:
    """The prefix of these native records, or SetupError CB-120."""
    if not isinstance(natives, Natives):
        raise _wrong(natives, "is not a casebridge.Natives")
    _check_name(natives, natives.prefix)
    if not callable(natives.element):
        raise _wrong(natives, "needs element to be a function of (record, shape, folder)")
    return natives.prefix


def map_sets(folder: Any) -> dict[str, Path]:
    """The sets of maps in a folder by name: ``<name>/*.yaml`` or ``<name>.yaml``; SetupError CB-120 if it is none."""
    if not isinstance(folder, Path) or not folder.is_dir():
        raise SetupError("CB-120", f"The map folder {folder} is not a folder (expected a pathlib.Path of one)")
    folders = {p.name: p for p in sorted(folder.iterdir()) if p.is_dir() and any(p.glob("*.yaml"))}
    return folders | {p.stem: p for p in sorted(folder.glob("*.yaml"))}


def _check_class(cls: Any, protocol: type, kind: str) -> None:
    if not isinstance(cls, type):
        raise _wrong(cls, f"is not a class; register the {kind}'s class itself, not an instance of it")
    _check_name(cls, getattr(cls, "name", None))
    settings = getattr(cls, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, Settings)):
        raise _wrong(cls, "needs an inner class Settings(casebridge.Settings), empty when there is nothing to set")
    for method, expected in _methods(protocol).items():
        _check_method(cls, method, expected)


def _check_name(thing: Any, name: Any) -> None:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise _wrong(thing, 'needs a name in small letters, digits and dashes, such as "hmis-csv"')


def _check_method(cls: type, method: str, expected: Any) -> None:
    given = getattr(cls, method, None)
    shown = f"{method}({', '.join(list(inspect.signature(expected).parameters)[1:])})"
    if not callable(given) or given is expected or given is object.__init__:
        raise _wrong(cls, f"has no method {shown}")
    raw = inspect.getattr_static(cls, method)
    arguments = len(inspect.signature(expected).parameters) - isinstance(raw, classmethod | staticmethod)
    try:
        inspect.signature(given).bind(*[None] * arguments)
    except TypeError:
        raise _wrong(cls, f"has {method}{inspect.signature(given)}; expected {shown}") from None


def _methods(protocol: type) -> dict[str, Any]:
    return {n: f for n, f in vars(protocol).items() if inspect.isfunction(f) and (n == "__init__" or n[0] != "_")}


def _capabilities(cls: type) -> frozenset[str]:
    given = getattr(cls, "capabilities", None)
    if not isinstance(given, frozenset):
        raise _wrong(cls, 'needs capabilities, such as frozenset({"parse", "render"})')
    return given


def _wrong(thing: Any, what: str) -> SetupError:
    name = getattr(thing, "__qualname__", None) or getattr(thing, "name", None) or type(thing).__name__
    return SetupError("CB-120", f"{name} {what}")
