"""What each line of a map did to one record: found and how it was converted, not found; what was kept, what ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import CaseBridgeError
from casebridge.mapping import interpreter
from casebridge.mapping.inspection.lines import Row, rows
from casebridge.mapping.inspection.places import at, ignored
from casebridge.mapping.maps import Map
from casebridge.mapping.model import Each
from casebridge.mapping.reading import Trace
from casebridge.mapping.walk import Where, spelled, text_of


@dataclass(frozen=True, slots=True)
class Value:
    """One value a line read: where it stood and what it was, where it went and what it became."""

    other: str
    old: Any
    case: str
    new: Any

    @property
    def converted(self) -> bool:
        """Is it spelled otherwise here?"""
        return isinstance(self.old, dict | list) or isinstance(self.new, dict | list) or (
            text_of(self.old) != text_of(self.new))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the map, and the values it read; none: nothing stands there, or the line does not read."""

    row: Row
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """The whole of it. ``kept`` and ``ignored`` are places of the record with their values; ``error`` is what stopped
    it, and then there is no slice."""

    map: Map
    slice: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    kept: tuple[tuple[str, Any], ...] = ()
    ignored: tuple[tuple[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    error: CaseBridgeError | None = None


def attempt(map_: Map, data: Mapping[str, Any]) -> Trial:
    """Read one record with the map, line by line; what stops it is in the trial, not raised."""
    trace: Trace = []
    try:
        found = interpreter.read(map_.definition, dict(data), trace)
        for kind, _, record in records_of(found.slice):
            validate_record(kind, record)
    except CaseBridgeError as error:
        return Trial(map_, steps=tuple(_steps(map_, data, {}, trace)), error=error)
    except RecursionError:
        map_.read(data)  # raises what says so
        raise
    kept = tuple(found.left_over)
    return Trial(
        map_, found.slice, tuple(_steps(map_, data, found.slice, trace)), tuple((p, at(data, p)) for p in kept),
        tuple((p, at(data, p)) for p in ignored(map_.definition, dict(data))), tuple(found.notes))  # fmt: skip


def _steps(map_: Map, data: Mapping[str, Any], slice_: Mapping[str, Any], trace: Trace) -> Iterator[Step]:
    seen: set[int] = set()
    for row in rows(map_.definition):
        if id(row.line) in seen or _is_list(row):
            continue
        seen.add(id(row.line))
        yield Step(row, tuple(_value(data, slice_, case, other) for case, other, line in trace if line is row.line))


def _value(data: Mapping[str, Any], slice_: Mapping[str, Any], case: Where, other: Where) -> Value:
    return Value(spelled(other), at(data, spelled(other)) if other else "", spelled(case), at(slice_, spelled(case)))


def _is_list(row: Row) -> bool:
    """The row of a list as a whole: its fields say what was read."""
    return isinstance(row.line, Each)
