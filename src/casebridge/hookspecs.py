"""The seven hooks a plugin may implement (entry point group ``casebridge``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pluggy

from casebridge.adapter import Converter, Door, Format, Link, Natives
from casebridge.core.event import Event

GROUP = "casebridge"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """Call ``register(FormatClass)`` for each format."""


@hookspec
def register_links(register: Callable[[type[Link]], None]) -> None:
    """Call ``register(LinkClass)`` for each link."""


@hookspec
def register_doors(register: Callable[[type[Door]], None]) -> None:
    """Call ``register(DoorClass)`` for each door."""


@hookspec
def register_converters(register: Callable[[Converter], None]) -> None:
    """Call ``register(converter)`` for each converter pair."""


@hookspec
def register_natives(register: Callable[[Natives], None]) -> None:
    """Call ``register(Natives(...))`` for each kind of native records, so that maps of them can be checked."""


@hookspec
def register_maps(register: Callable[[Path], None]) -> None:
    """Call ``register(folder)``: each folder in it is a set of maps that ``maps = "..."`` can name."""


@hookspec
def on_event(event: Event) -> None:
    """Told of every event after its commit, one observer at a time; raising stops nobody."""
