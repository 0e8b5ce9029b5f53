"""What is wrong with an adapter, all of it at once: an author should not have to run the kit ten times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from casebridge.core.errors import SetupError


class NotConforming(AssertionError):
    """An adapter breaks its contract; ``problems`` lists how."""

    def __init__(self, name: str, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{name} breaks the contract:\n" + "\n".join(f"- {problem}" for problem in problems))


@dataclass(slots=True)
class Verdict:
    """Collects problems; ``close`` raises NotConforming when there are any."""

    name: str
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: object, problem: str) -> bool:
        """Note the problem once unless it holds."""
        if not holds and problem not in self.problems:
            self.problems.append(problem)
        return bool(holds)

    def contract(self, check: Callable[[Any], str], thing: Any) -> None:
        """What registering it would say; raises at once, because nothing else can be tried then."""
        try:
            check(thing)
        except SetupError as error:
            raise NotConforming(self.name, [error.message]) from error

    def close(self) -> None:
        """Raise NotConforming if anything was noted."""
        if self.problems:
            raise NotConforming(self.name, self.problems)
