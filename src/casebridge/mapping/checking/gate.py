"""The gate that maps pass on their way into a running bridge: proved before, or proved now, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from casebridge.adapter import Natives
from casebridge.mapping.checking.cache import Proved, digest
from casebridge.mapping.checking.checker import RUNS, check, check_set, element_of
from casebridge.mapping.maps import Map


def admit(
    maps: Iterable[Map], natives: Mapping[str, Natives], proved: Proved | None = None, *,
    shipped: Sequence[Path] = (), runs: int = RUNS,
) -> None:  # fmt: skip
    """Let a set of maps in; MapError for the first thing that is wrong.

    A map that was proved (``proved``, the shipped ones if None) costs a digest, some milliseconds. Any other is checked
    and remembered if it holds; a site's own with ``runs`` generated records. A map from the ``shipped`` folders came
    with its proof and has had its records: when a plugin was renewed since, only what can be proved at once is.
    """
    maps, known = tuple(maps), proved or Proved()
    for map_ in maps:
        element = element_of(map_, natives)
        number = digest(map_, element)
        if number not in known.known:
            own = not any(map_.path.is_relative_to(folder) for folder in shipped)
            check(map_, element, runs=runs if own else 0).raise_first()
            known.add(map_, number)
    for finding in check_set(maps):
        raise finding.error
