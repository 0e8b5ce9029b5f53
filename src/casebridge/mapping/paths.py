"""One grammar of paths for both sides: ``a.b``, ``list(a=b & c=d|e).f``, ``(x:present)``, ``^.a``, ``.``.

A step names a field, in quotes where the name holds more than letters, digits, spaces, - and _. A selector picks the
first item of a list that meets all its conditions; on a single group it looks at that group alone. ``list()`` is
the first item of a list, whatever it holds. A plain step on a list uses its first item. ``^`` is the record round the
present list item or group, ``.`` the present place itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from casebridge.mapping.notation import constant, nearest

_NAME = re.compile(r"[\w\-]+(?: +[\w\-]+)*")
_BARE = re.compile(r"[^&|)\"]+")
MAX_LENGTH, MAX_SELECTORS = 1000, 20
TESTS = ("present", "absent", "boolean", "moment")
Test = Literal["equal", "present", "absent", "boolean", "moment"]


class PathError(ValueError):
    """A path that does not follow the grammar; ``offset`` counts from 0 in the path's text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


@dataclass(frozen=True, slots=True)
class Condition:
    """``path`` equals one of ``values``, or is present, absent, a boolean, a date or moment."""

    path: Path
    test: Test
    values: tuple[str, ...] = ()
    constant: str | bool = ""  # what is written where the condition must hold: the first value

    def __str__(self) -> str:
        return f"{self.path}={'|'.join(self.values)}" if self.test == "equal" else f"{self.path}:{self.test}"


@dataclass(frozen=True, slots=True)
class Step:
    """One field, and which item of it where it is a list."""

    key: str
    selector: tuple[Condition, ...] | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from the present place, or from ``up`` places above it. ``text`` is the path as written.

    ``plain`` is the field's name where the path is nothing but one field of the present place, else empty.
    """

    steps: tuple[Step, ...] = ()
    up: int = 0
    text: str = field(default=".", compare=False)
    plain: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        alone = len(self.steps) == 1 and self.steps[0].selector is None and not self.up
        object.__setattr__(self, "plain", self.steps[0].key if alone else "")

    def __str__(self) -> str:
        return self.text

    def beside(self, other: Path) -> Path:
        """``other`` as seen from the group that holds this path's last step."""
        above = self.text[: self.text.rfind(self.steps[-1].key)]
        return Path(self.steps[:-1] + other.steps, self.up, above + other.text)


def parse_path(text: str, names: Mapping[str, str] | None = None) -> Path:
    """The path written in ``text``; ``$name`` is looked up in ``names``. Raises :class:`PathError`."""
    if len(text) > MAX_LENGTH or text.count("(") > MAX_SELECTORS:
        raise PathError(f"a path has at most {MAX_LENGTH} characters and {MAX_SELECTORS} selectors", 0)
    reader = _Reader(text, names or {})
    path = reader.path()
    reader.skip()
    if reader.at < len(text):
        raise PathError(f"unexpected `{text[reader.at]}` in the path `{text}`{_hint(text[reader.at])}", reader.at)
    return path


def _hint(mark: str) -> str:
    if mark != "[":
        return ""
    return "; positions such as [0] are not part of the language, use a selector: name(use=official)"


def parse_values(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """The alternatives ``a|b`` of a condition written as a YAML value."""
    return tuple(resolve(part.strip(), names, 0) for part in text.split("|"))


def resolve(text: str, names: Mapping[str, str], offset: int) -> str:
    """The constant a ``$name`` stands for, or the text itself."""
    if not text.startswith("$"):
        return text
    if text[1:] in names:
        return names[text[1:]]
    raise PathError(f"`{text}` is not one of the map's names{nearest(text[1:], names)}", offset)


class _Reader:
    """Recursive descent over one path."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self.text, self.names, self.at = text, names, 0

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, mark: str) -> bool:
        self.skip()
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def path(self) -> Path:
        self.skip()
        start, up, steps = self.at, 0, []
        if self.text.strip() == ".":
            self.at = len(self.text)
            return Path()
        while self.take("^"):
            up += 1
            if not self.take("."):
                return Path((), up, self.text[start : self.at])
        steps.append(self.step())
        while self.take("."):
            steps.append(self.step())
        return Path(tuple(steps), up, self.text[start : self.at].strip())

    def step(self) -> Step:
        key = self.quoted() or self.name()
        return Step(key, self.selector() if self.take("(") else None)

    def name(self) -> str:
        self.skip()
        found = _NAME.match(self.text, self.at)
        if not found:
            what = f"`{self.text[self.at]}`" if self.at < len(self.text) else "the end"
            raise PathError(f"a field name is expected in `{self.text}`, not {what}", self.at)
        self.at = found.end()
        return found.group()

    def quoted(self) -> str:
        if not self.take('"'):
            return ""
        end = self.text.find('"', self.at)
        if end < 0:
            raise PathError(f"a closing quote is missing in `{self.text}`", self.at)
        found, self.at = self.text[self.at : end], end + 1
        return found

    def selector(self) -> tuple[Condition, ...]:
        conditions: list[Condition] = []
        if self.take(")"):
            return ()
        conditions.append(self.condition())
        while self.take("&"):
            conditions.append(self.condition())
        if not self.take(")"):
            raise PathError(f"`)` or `&` is expected in `{self.text}`", self.at)
        return tuple(conditions)

    def condition(self) -> Condition:
        start, path = self.at, self.path()
        if path.up:
            raise PathError(f"a selector looks at the item itself; `{path}` reaches above it", start)
        if self.take(":"):
            word = self.name()
            if word not in TESTS:
                raise PathError(f"after `:` stands {' | '.join(TESTS)}, not `{word}`", self.at)
            return Condition(path, word)  # type: ignore[arg-type]
        if not self.take("="):
            raise PathError(f"`=` or `:` is expected in `{self.text}`", self.at)
        self.skip()
        quoted = self.text.startswith('"', self.at)
        values = [self.value()]
        while self.take("|"):
            values.append(self.value())
        return Condition(path, "equal", tuple(values), values[0] if quoted else constant(values[0]))

    def value(self) -> str:
        self.skip()
        start = self.at
        if self.text.startswith('"', self.at):
            return self.quoted()
        found = _BARE.match(self.text, self.at)
        if not found or not found.group().strip():
            raise PathError(f"a value is expected in `{self.text}`", self.at)
        self.at = found.end()
        return resolve(found.group().strip(), self.names, start)
