"""Values of one record that another record of the same person or thing does not say: they do not come through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from casebridge.core.case import records_of
from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.inspection.places import general
from casebridge.mapping.tree import blank, is_absent, text_of
from casebridge.translating.naming import Names
from casebridge.translating.report import Report
from casebridge.translating.shelf import Kept, Shelf


def count_replaced(shelf: Shelf, report: Report) -> None:
    """A later record of the same id took the place of an earlier one: what only the earlier said."""
    for kind, before, after in shelf.replaced():
        report.replaced.update(f"{kind}.{place}" for place in only_in(before, after))


def count_met(names: Names, kept: Kept, report: Report) -> None:
    """A person is in the target's own file already and is not written anew: what that file does not say."""
    report.met += 1
    report.not_taken.update(f"person.{place}" for place in only_in(kept.data, _theirs(names, kept)))


def only_in(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The places, without positions, of values that the one has and the other has not there; ids are passed over."""
    if one == other:
        return []
    found, known = ([*_values({k: v for k, v in r.items() if k not in ("external_id", "complete")}, "")]
                    for r in (one, other))  # fmt: skip
    return [place for place, _ in (Counter(found) - Counter(known)).elements()]


def _values(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, child in () if is_absent(node) else node.items():
            yield from _values(child, f"{place}.{key}" if place else key)
    elif isinstance(node, list):
        for child in node:
            yield from _values(child, f"{place}[0]")
    elif not blank(node):
        yield general(place), text_of(node)


def _theirs(names: Names, kept: Kept) -> Mapping[str, Any]:
    """The person as the target's own file has them."""
    name = names.shelf.name("person", kept.external_id)
    data = names.shelf.there(name.native_type, name.key) if name else None
    map_ = names.target.maps.find(name.native_type, data) if name and data else None
    if map_ is None or data is None:
        return {}
    try:
        slice_ = map_.read(data).slice
    except CaseBridgeError:
        return {}
    return next((record for kind, _, record in records_of(slice_) if kind == "person"), {})
