"""The text of a generated function: statements, blocks, names of our own making and the constants they stand for.

Text of a map enters the source through :func:`literal` only, as the repr of a plain str, and in comments as ASCII.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from casebridge.mapping.model import Line

MAX_STATEMENTS = 20_000
MAX_BLOCKS = 60  # Python nests at most 100 levels of indentation and 20 loops


class NotCompiled(Exception):
    """The map has something that only the interpreter does; the message says what."""


def literal(value: Any) -> str:
    """Plain data of str, bool, dict and list as Python source."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if type(value) is str:
        return ascii(value)
    if value is None or type(value) is bool or type(value) is int:
        return repr(value)
    raise NotCompiled(f"a constant of the type {type(value).__name__}")


class Source:
    """Source text as it grows. ``names`` is what its module will know; ``known`` the lookups made so far, by block."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self._by_value: dict[tuple[str, int], str] = {}
        self._count: dict[str, int] = {}
        self._known: list[dict[Hashable, str]] = [{}]
        self._depth = 0
        self._mark = ""
        self._before: list[str] = []

    def name(self, letter: str = "v") -> str:
        """A new name: v1, v2 ..."""
        self._count[letter] = self._count.get(letter, 0) + 1
        return f"{letter}{self._count[letter]}"

    def constant(self, letter: str, value: Any) -> str:
        """The name under which the generated function finds ``value``."""
        key = (letter, id(value))
        if key not in self._by_value:
            self._by_value[key] = self.name(letter)
            self.names[self._by_value[key]] = value  # held, so that its id stays its own
        return self._by_value[key]

    def add(self, statement: str) -> None:
        """One statement at the present depth, with the number of the map's line it serves."""
        if len(self.lines) >= MAX_STATEMENTS:
            raise NotCompiled(f"more than {MAX_STATEMENTS} statements")
        self.lines.append(f"{'    ' * self._depth}{statement}{self._mark}")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A block under ``head``; what is looked up inside is not known after it."""
        self.add(head)
        self._depth += 1
        if self._depth > MAX_BLOCKS:
            raise NotCompiled(f"more than {MAX_BLOCKS} blocks in each other")
        self._known.append({})
        start = len(self.lines)
        yield
        if len(self.lines) == start:
            self.add("pass")
        self._known.pop()
        self._depth -= 1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Statements that stand before everything else, at no depth."""
        kept = self.lines, self._known, self._depth, self._mark
        self.lines, self._known, self._depth, self._mark = [], [{}], 0, ""
        yield
        self._before += self.lines
        self.lines, self._known, self._depth, self._mark = kept

    @contextmanager
    def serving(self, line: Line, sign: str) -> Iterator[None]:
        """Statements that serve one line of the map: a comment says which."""
        before, self._mark = self._mark, ""
        other = getattr(getattr(line, "other", None), "text", "")
        said = f"{line.case.text} {sign} {other}" if other else line.case.text
        self.lines.append(f"{'    ' * self._depth}# line {line.place.line}: {ascii(said)[1:-1]}")
        self._mark = f"  # {line.place.line}"
        yield
        self._mark = before

    def known(self, key: Hashable) -> str | None:
        """The local that holds this lookup already."""
        return next((block[key] for block in reversed(self._known) if key in block), None)

    def learn(self, key: Hashable, local: str) -> str:
        """Remember a lookup for the rest of the present block."""
        self._known[-1][key] = local
        return local

    def mark(self) -> int:
        """A place for a statement that is known later."""
        self.add("pass")
        return len(self.lines) - 1

    def fill(self, mark: int, statement: str) -> None:
        """The statement for a mark; without one the mark goes."""
        indent = self.lines[mark][: -len(self.lines[mark].lstrip())]
        self.lines[mark] = f"{indent}{statement}" if statement else ""

    def text(self) -> str:
        """All of it."""
        return "\n".join(line for line in [*self._before, *self.lines] if line.strip()) + "\n"
