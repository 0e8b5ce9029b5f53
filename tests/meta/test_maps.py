"""Every map that is shipped loads, belongs to a set that a site can name, and keeps its own examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from casebridge.mapping import load_map, load_set, with_converters
from casebridge.plugins import SHIPPED_MAPS, load_plugins

FILES = sorted(SHIPPED_MAPS.rglob("*.yaml"))
REGISTRY = load_plugins()
SETS = sorted(REGISTRY.maps)
CONVERTERS = with_converters(REGISTRY.converters.values())


def named(path: Path) -> str:
    return str(path.relative_to(SHIPPED_MAPS))


def test_there_are_maps_for_every_shore():
    assert {"sdohcc", "x12", "hmis-2026", "web-form", "flatfile"} <= set(SETS)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_shipped_map_loads_and_keeps_its_examples(path):
    assert load_map(path, search=[SHIPPED_MAPS], converters=CONVERTERS).run_examples() == []


@pytest.mark.parametrize("name", SETS)
def test_a_set_can_be_named_in_the_configuration(name):
    assert list(load_set(name, [SHIPPED_MAPS], converters=CONVERTERS))


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_for_records_that_an_installed_format_gives(name):
    """``other: fhir-r4/Task`` needs the format or the adapter's record type to exist; a typo would never match."""
    systems = {m.other.split("/")[0] for m in load_set(name, [SHIPPED_MAPS], converters=CONVERTERS)}
    assert systems <= set(REGISTRY.formats)


def test_every_map_belongs_to_a_set_or_is_the_base_of_one():
    loaded = {Path(m.path).resolve() for name in SETS for m in load_set(name, [SHIPPED_MAPS], converters=CONVERTERS)}
    bases = set(re.findall(r"^base: (\S+)", "\n".join(p.read_text(encoding="utf-8") for p in FILES), re.MULTILINE))
    alone = [p for p in FILES if p.resolve() not in loaded]
    maps = [load_map(p, search=[SHIPPED_MAPS], converters=CONVERTERS) for p in alone]
    assert [m.name for m in maps if m.name not in bases] == []
