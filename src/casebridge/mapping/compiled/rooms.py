"""What an export had no room for: the interpreter is asked once for all exports that the map cannot tell apart."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from threading import Lock
from typing import Any

from casebridge.core.errors import quiet_place
from casebridge.mapping import interpreter
from casebridge.mapping.compiled.fingerprint import Fingerprints
from casebridge.mapping.model import Definition
from casebridge.mapping.translate import Links

MOST = 4096  # answers remembered of one map; the one asked for longest ago goes first


class Heard:
    """Links that remember what they answered: what is asked later about the same export is answered from there."""

    __slots__ = ("_answers", "_links")

    def __init__(self, links: Links) -> None:
        self._links = links
        self._answers: dict[tuple[Any, ...], str | None] = {}

    def theirs(self, ref: dict[str, Any]) -> str | None:
        """Ask, and remember."""
        answer = self._links.theirs(ref)
        with suppress(TypeError):  # a reference with a list in it is asked for again
            self._answers[tuple(ref.items())] = answer
        return answer

    def again(self) -> Links:
        """The same links, asked for what was not asked before."""
        return _Again(self, self._answers)


class _Again:
    __slots__ = ("_answers", "_heard")

    def __init__(self, heard: Heard, answers: dict[tuple[Any, ...], str | None]) -> None:
        self._heard, self._answers = heard, answers

    def theirs(self, ref: dict[str, Any]) -> str | None:
        """What was answered before, or what is answered now."""
        try:
            return self._answers[tuple(ref.items())]
        except (KeyError, TypeError):
            return self._heard.theirs(ref)


class Rooms:
    """Of one map. Remembers places only, none whose name could say something of a person, and no values."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._told: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()
        self._lock = Lock()

    def lacking(self, slice_: Mapping[str, Any], heard: Heard, base: Mapping[str, Any] | None) -> list[str]:
        """The case paths of values that no line could write, as the interpreter has them."""
        links = heard.again()
        key = self._fingerprint(slice_, links, base)
        told = self._known(key)
        if told is None:
            told = tuple(self._ask(slice_, links, base))
            self._keep(key, told)
        return list(told)

    def _ask(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any] | None) -> list[str]:
        return interpreter.write(self._definition, dict(slice_), links, dict(base) if base else None).no_room

    @cached_property
    def _fingerprints(self) -> Fingerprints | None:
        try:
            return Fingerprints(self._definition)
        except LookupError:
            return None

    def _fingerprint(
        self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any] | None
    ) -> bytes | None:  # fmt: skip
        try:
            return self._fingerprints.of(slice_, links, base) if self._fingerprints else None
        except Exception:  # noqa: BLE001  whatever is strange about the record, the interpreter knows what to make of it
            return None

    def _known(self, key: bytes | None) -> tuple[str, ...] | None:
        if key is None:
            return None
        with self._lock:
            told = self._told.get(key)
            if told is not None:
                self._told.move_to_end(key)
            return told

    def _keep(self, key: bytes | None, told: tuple[str, ...]) -> None:
        if key is None or any(place != quiet_place(place) for place in told):
            return
        with self._lock:
            self._told[key] = told
            while len(self._told) > MOST:
                self._told.popitem(last=False)
