"""The shipped maps are read and compiled once for all sites of a test process: it is most of what opening a site takes.

A site with maps or plugins of its own reads everything anew, as every site does outside of tests.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from casebridge import app
from casebridge.mapping import MapSet
from casebridge.mapping.checking import Proved
from casebridge.plugins import Registry, load_plugins

_read = app._maps
_known: dict[tuple[str, ZoneInfo], MapSet] = {}


def _maps_once(name: str, registry: Registry, folders: list[Path], proved: Proved, zone: ZoneInfo) -> MapSet:
    base = folders[0].parent
    if folders[0].exists() or (base / "plugins").exists():
        return _read(name, registry, folders, proved, zone)
    if (name, zone) not in _known:
        _known[name, zone] = _read(name, registry, folders, proved, zone)
    return _known[name, zone]


def install() -> None:
    """From now on, in this process."""
    app._maps = _maps_once


def read(*names: str) -> None:
    """The same, and these sets are read now for a site in New York, as the tests' own is."""
    install()
    registry, nowhere = load_plugins(), Path("/nonexistent/mappings")
    for name in names:
        _maps_once(name, registry, [nowhere, *registry.map_folders], Proved(nowhere), ZoneInfo("America/New_York"))
