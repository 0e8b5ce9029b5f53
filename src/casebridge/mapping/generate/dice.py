"""Chance for one record after the other, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")
DENSITIES = (0.95, 0.15, 0.6, 0.4, 0.8)


class Dice:
    """A seeded chance. ``density`` is how much of a record is filled; ``turn`` counts the records."""

    __slots__ = ("density", "random", "rng", "turn", "turns")

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311  examples, not secrets
        self.random = self.rng.random
        self.turn = -1
        self.turns: dict[int, int] = {}
        self.density = DENSITIES[0]

    def next(self) -> None:
        """The next record: another density."""
        self.turn += 1
        self.density = DENSITIES[self.turn % len(DENSITIES)]

    def pick(self, pool: Sequence[T]) -> T:
        """One of ``pool``."""
        return pool[int(self.random() * len(pool))]

    def each(self, pool: Sequence[T]) -> T:
        """One of a lasting ``pool``: half of the time the next in turn, so that a long table is seen to its end."""
        size = len(pool)
        if self.random() < 0.5:
            return pool[int(self.random() * size)]
        at = self.turns[id(pool)] = (self.turns.get(id(pool), -1) + 1) % size
        return pool[at]

    def few(self, most: int = 3) -> int:
        """A small number from 1."""
        return 1 + int(self.random() * most)
