"""Converters keep the law they declare, on their own samples: the built-in ones and the plugins' alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casebridge.adapter import Converter
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.checking.survey import Survey
from casebridge.mapping.model import Leaf
from casebridge.mapping.notation import Place
from casebridge.mapping.walk import text_of


class Broken(Exception):
    """A sample that a converter does not turn as it says; ``said`` shows it."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def check(found: Survey) -> Iterator[Finding]:
    """The converters a map uses, each once, at the first line that uses it."""
    told: set[str] = set()
    for stand in found.stands:
        line = stand.line
        if isinstance(line, Leaf) and line.convert and line.convert.name not in told:
            told.add(line.convert.name)
            yield from check_converter(line.convert, line.place)


def check_converters(converters: Iterable[Converter]) -> tuple[Finding, ...]:
    """All of the converters given, those of plugins too."""
    return tuple(finding for converter in converters for finding in check_converter(converter, Place()))


def check_converter(converter: Converter, place: Place) -> Iterator[Finding]:
    """What is wrong with one converter."""
    if not converter.samples:
        yield broken(converter, place, "has no samples", "nobody could tell whether it keeps its law")
        return
    try:
        for theirs, ours in converter.samples:
            _sample(converter, theirs, ours)
        if converter.law != "lossy":
            _apart(converter)
    except Broken as found:
        yield broken(converter, place, f"breaks its law ({converter.law})", found.said)


def hold(converter: Converter, theirs: Any) -> str:
    """Empty, or how the converter breaks its law on a value that is not one of its samples."""
    try:
        ours = converter.read(theirs)
    except ValueError:
        return ""  # it may refuse what it cannot take
    try:
        back = _turned(converter, "write", ours)
        if converter.law == "exact" and text_of(back) != text_of(theirs):
            return f"{theirs!r} -> {ours!r} -> {back!r}, which is not what it was"
        again = _turned(converter, "read", back)
    except Broken as found:
        return found.said
    if converter.law != "lossy" and not _equal(again, ours):
        return f"{ours!r} -> {back!r} -> {again!r}: the value changed, not only its spelling"
    return ""


def _sample(converter: Converter, theirs: Any, ours: Any) -> None:
    read = _turned(converter, "read", theirs)
    if not _equal(read, ours):
        raise Broken(f"{theirs!r} is read as {read!r}, and its sample says {ours!r}")
    written = _turned(converter, "write", ours)
    if converter.law == "exact" and not _equal(written, theirs):
        raise Broken(f"{theirs!r} -> {ours!r} -> {written!r}, which is not what it was")
    again = _turned(converter, "read", written)
    if converter.law == "canonical" and not _equal(again, ours):
        raise Broken(f"{ours!r} -> {written!r} -> {again!r}: the value changed, not only its spelling")
    if converter.law == "lossy" and not _equal(_turned(converter, "write", again), written):
        raise Broken(f"{ours!r} -> {written!r} -> {again!r}: a second time it changes again")


def _apart(converter: Converter) -> None:
    """Two values of ours never share a spelling; where the law is exact, nor do two of theirs."""
    for i, (theirs, ours) in enumerate(converter.samples):
        for other, mine in converter.samples[:i]:
            if _equal(theirs, other) and not _equal(ours, mine):
                raise Broken(f"{theirs!r} is both {ours!r} and {mine!r}")
            if converter.law == "exact" and _equal(ours, mine) and not _equal(theirs, other):
                raise Broken(f"{theirs!r} and {other!r} both become {ours!r}")


def _turned(converter: Converter, way: str, value: Any) -> Any:
    try:
        return (converter.read if way == "read" else converter.write)(value)
    except Exception as error:  # a plugin's code may fail in any way; that is a finding, not our failure
        raise Broken(f"{way} of {value!r} fails with {type(error).__name__}") from error


def _equal(a: Any, b: Any) -> bool:
    """Equal, and true is not 1."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def broken(converter: Converter, place: Place, what: str, said: str) -> Finding:
    """A converter that is not to be trusted, and a value that shows it."""
    return Finding(
        "CB-225", place, f"the converter `{converter.name}` {what}",
        f"{said[0].upper()}{said[1:]}; values would change on their way through it.",
        "Have its author mend it or declare the law it keeps (exact, canonical, lossy), with samples.",
    )  # fmt: skip
