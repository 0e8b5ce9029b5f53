"""Several who wait for a commit share one: whoever comes first does it for all that came meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from casebridge.store.database import Clash, StoreTrouble

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST = 50
"""Items that share one commit."""


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    over: bool = False
    result: list[Result] = field(default_factory=list)
    error: Exception | None = None


class Joint(Generic[Item, Result]):
    """``do`` takes items that came at the same time and gives a result for each, all or nothing; ``turn`` is waited for
    first, and who comes meanwhile is among them.

    When it raises, each half is tried by itself: an item that cannot be done costs only whoever asked for it. When the
    database is away, all of them hear that at once.
    """

    def __init__(
        self, do: Callable[[Sequence[Item]], Sequence[Result]],
        turn: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:  # fmt: skip
        self._do, self._turn_to_do = do, turn
        self._line: list[_Waiting[Item, Result]] = []
        self._mutex, self._turn = threading.Lock(), threading.Lock()

    def __call__(self, item: Item) -> Result:
        """The item's own result; raises what ``do`` raised for it alone."""
        mine: _Waiting[Item, Result] = _Waiting(item)
        with self._mutex:
            self._line.append(mine)
        with self._turn:  # by now it may have been done by whoever had the turn before
            while not mine.over:
                self._next()
        if mine.error is not None:
            raise mine.error
        return mine.result[0]

    def _next(self) -> None:
        """Do what stands in line, this thread's own item among the first of it."""
        try:
            with self._turn_to_do():
                self._done(self._first())
        except Exception as error:  # noqa: BLE001 - there was no turn
            _all_over(self._first(), error)

    def _first(self) -> list[_Waiting[Item, Result]]:
        with self._mutex:
            some, self._line = self._line[:MOST], self._line[MOST:]
        return some

    def _done(self, some: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = list(zip(some, self._do([waiting.item for waiting in some]), strict=True))
        except Exception as error:  # noqa: BLE001 - raised again for whom it concerns
            if len(some) > 1 and (not isinstance(error, StoreTrouble) or isinstance(error, Clash)):
                middle = len(some) // 2
                self._done(some[:middle])
                self._done(some[middle:])
                return
            _all_over(some, error)
            return
        for waiting, result in results:
            waiting.result.append(result)
            waiting.over = True


def _all_over(some: Iterable[_Waiting[Any, Any]], error: Exception) -> None:
    for waiting in some:
        waiting.error, waiting.over = error, True
