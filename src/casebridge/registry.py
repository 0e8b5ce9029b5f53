"""What the plugins gave: formats, links, doors, converters and maps by name, and who is told of events."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from casebridge.adapter import Converter, Door, Format, Link, Natives
from casebridge.core.errors import SetupError
from casebridge.core.event import Event

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PluginReport:
    """One plugin and what it gave, or why it is out: ``problem`` is empty when all is well.

    ``source`` is where it came from: a distribution (``casebridge-snap``) or the path of a one-file plugin.
    """

    name: str
    version: str = ""
    source: str = ""
    formats: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    doors: tuple[str, ...] = ()
    converters: tuple[str, ...] = ()
    natives: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    observes: bool = False
    problem: str = ""
    code: str = ""
    remedy: str = ""


@dataclass(slots=True)
class Offer:
    """What one plugin registers. ``maps`` are sets of maps by name, ``map_folders`` the folders they are in."""

    formats: dict[str, type[Format]] = field(default_factory=dict)
    links: dict[str, type[Link]] = field(default_factory=dict)
    doors: dict[str, type[Door]] = field(default_factory=dict)
    converters: dict[str, Converter] = field(default_factory=dict)
    natives: dict[str, Natives] = field(default_factory=dict)
    maps: dict[str, Path] = field(default_factory=dict)
    map_folders: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class Registry(Offer):
    """All that is installed and sound. Read it; only ``casebridge.plugins`` writes it."""

    reports: list[PluginReport] = field(default_factory=list)
    observers: dict[str, Callable[[Event], object]] = field(default_factory=dict)
    observer_failures: Counter[str] = field(default_factory=Counter)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def format(self, name: str) -> type[Format]:
        """The format of that name, or SetupError CB-103."""
        return self._named("format", self.formats, name)

    def link(self, name: str) -> type[Link]:
        """The link of that name, or SetupError CB-103."""
        return self._named("link", self.links, name)

    def door(self, name: str) -> type[Door]:
        """The door of that name, or SetupError CB-103."""
        return self._named("door", self.doors, name)

    def notify(self, event: Event) -> None:
        """Tell every observer, one at a time. One that raises is logged (its name only) and counted; the rest hear."""
        with self._one_at_a_time:
            for name, observer in self.observers.items():
                try:
                    observer(event)
                except Exception as error:  # noqa: BLE001 - an observer is a stranger's code and may raise anything
                    self.observer_failures[name] += 1
                    # The error's text may quote what the observer looked at, so only its type is written down.
                    log.warning("observer %s failed on event %s: %s", name, event.name, type(error).__name__)

    def _named(self, kind: str, given: Mapping[str, T], name: str) -> T:
        if name in given:
            return given[name]
        near = get_close_matches(name, given, n=1)
        there = f"did you mean {near[0]}?" if near else f"there is {', '.join(sorted(given)) or 'none'}"
        out = "".join(f"; the plugin {r.name} is out: {r.problem}" for r in self.reports if r.problem)
        raise SetupError("CB-103", f'There is no {kind} "{name}" ({there}){out}')
