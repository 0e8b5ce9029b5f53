"""How long it takes to check the largest shipped map, its examples and 2,000 round trips included."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from casebridge.mapping import load_set, with_converters
from casebridge.mapping.checking import check, element_of
from casebridge.mapping.maps import Map
from casebridge.plugins import load_plugins


def seconds_of_the_largest() -> tuple[str, float]:
    """The map with the most verdicts, and the best of three checks in seconds of CPU."""
    registry = load_plugins()
    maps = list(_shipped(registry.map_folders, with_converters(registry.converters.values())))
    sizes = {map_.name: len(check(map_, element_of(map_, registry.natives), runs=0).verdicts) for map_ in maps}
    largest = max(maps, key=lambda map_: sizes[map_.name])
    element, times = element_of(largest, registry.natives), []
    for _ in range(3):
        start = time.process_time()
        report = check(largest, element)
        times.append(time.process_time() - start)
        if report.errors:
            raise SystemExit(f"{largest.name}: {report.errors[0]}")
    return f"{largest.name} ({sizes[largest.name]} verdicts)", min(times)


def _shipped(folders: Iterable[Path], converters: dict[str, object]) -> Iterable[Map]:
    for folder in folders:
        for name in sorted(path.name for path in folder.iterdir() if path.is_dir()):
            yield from load_set(name, [folder], converters=converters)  # type: ignore[arg-type]
