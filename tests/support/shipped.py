"""The maps that come with CaseBridge, found by their folder, each with what its generated examples need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from casebridge.core.native import Element
from casebridge.mapping import Map, OwnIds, interpreter, load_map, with_converters
from casebridge.mapping.checking import element_of
from casebridge.mapping.generate import Editor, Laws
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.translate import Links
from casebridge.plugins import Registry, load_plugins

FOLDER = Path(__file__).resolve().parents[2] / "mappings"
PATHS = sorted(FOLDER.glob("**/*.yaml"))
NAMES = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in PATHS]
LINKS = OwnIds()


@dataclass(frozen=True)
class Oracle:
    """A map run by the interpreter."""

    map: Map

    def read(self, data: Mapping[str, Any]) -> Imported:
        return interpreter.read(self.map.definition, dict(data))

    def write(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any] | None = None) -> Exported:
        return interpreter.write(self.map.definition, dict(slice_), links, dict(base) if base else None)


@dataclass(frozen=True)
class Shipped:
    """A map, the schema of its other side, and its laws with either executor."""

    map: Map
    element: Element | None
    laws: Laws
    oracle: Laws
    editor: Editor


@cache
def registry() -> Registry:
    """The plugins that come with CaseBridge."""
    return load_plugins()


@cache
def shipped(name: str) -> Shipped:
    """The shipped map of that name, read once."""
    map_ = load_map(
        FOLDER / f"{name}.yaml", search=[FOLDER], converters=with_converters(registry().converters.values())
    )
    return dressed(map_)


def dressed(map_: Map) -> Shipped:
    """A map with what its laws need."""
    element = element_of(map_, registry().natives)
    return Shipped(map_, element, Laws(map_), Laws(map_, Oracle(map_)), Editor(map_, element))
