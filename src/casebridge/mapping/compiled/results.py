"""What the generated functions hand back. What is seldom asked for, the interpreter finds when it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from casebridge.core.errors import RecordError
from casebridge.mapping import interpreter
from casebridge.mapping.compiled.rooms import Heard, Rooms
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.model import Definition


@contextmanager
def shallow() -> Iterator[None]:
    """A record nested so deeply that it cannot be walked is the record's fault: RecordError CB-301."""
    try:
        yield
    except RecursionError:
        raise RecordError("CB-301", "the record is nested too deeply to say what was left of it") from None


class LateImported(Imported):
    """An import whose ``left_over`` and ``notes`` are found when they are asked for."""

    __slots__ = ("_data", "_definition", "_told")
    __setattr__, __delattr__ = object.__setattr__, object.__delattr__  # the base is frozen; this one fills itself late

    def __init__(self, slice_: dict[str, Any], definition: Definition, data: Mapping[str, Any]) -> None:
        self.slice = slice_  # type: ignore[misc]
        self._definition, self._data = definition, data
        self._told: Imported | None = None

    def _ask(self) -> Imported:
        if self._told is None:
            with shallow():
                self._told = interpreter.read(self._definition, dict(self._data))
        return self._told

    @property
    def left_over(self) -> list[str]:
        """The places of the record that no line claims."""
        return self._ask().left_over

    @property
    def notes(self) -> list[str]:
        """What was doubtful."""
        return self._ask().notes


class LateExported(Exported):
    """An export whose ``no_room`` is found when it is asked for."""

    __slots__ = ("_asked", "_rooms", "_told")
    __setattr__, __delattr__ = object.__setattr__, object.__delattr__

    def __init__(
        self, data: dict[str, Any], rooms: Rooms, slice_: Mapping[str, Any], heard: Heard,
        base: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        self.data = data  # type: ignore[misc]
        self._rooms, self._asked = rooms, (slice_, heard, base)
        self._told: list[str] | None = None

    @property
    def no_room(self) -> list[str]:
        """The case paths of values that no line could write."""
        if self._told is None:
            with shallow():
                self._told = self._rooms.lacking(*self._asked)
        return self._told
