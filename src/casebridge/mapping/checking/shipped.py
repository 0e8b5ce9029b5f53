"""The maps that come with CaseBridge, and their proofs."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.mapping.checking.cache import digest
from casebridge.mapping.checking.checker import RUNS, check, element_of
from casebridge.mapping.checking.report import Report
from casebridge.mapping.converters import with_converters
from casebridge.mapping.maps import Map, load_map
from casebridge.plugins import SHIPPED_MAPS, load_plugins


def maps() -> Iterator[tuple[Map, str]]:
    """Each shipped map, in order, with its digest."""
    registry = load_plugins()
    converters = with_converters(registry.converters.values())
    for path in sorted(SHIPPED_MAPS.rglob("*.yaml")):
        map_ = load_map(path, search=[SHIPPED_MAPS], converters=converters)
        yield map_, digest(map_, element_of(map_, registry.natives))


def proofs(runs: int = RUNS, known: frozenset[str] = frozenset()) -> Iterator[tuple[Report, str]]:
    """Each shipped map's report with its digest; one whose digest is ``known`` is not proved again."""
    natives = load_plugins().natives
    for map_, number in maps():
        if number in known:
            yield Report(map_.name), number
        else:
            yield check(map_, element_of(map_, natives), runs=runs), number
