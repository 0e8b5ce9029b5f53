"""The checker: everything that can be proved about a map before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain

from casebridge.adapter import Natives
from casebridge.core.errors import SetupError
from casebridge.core.native import Element
from casebridge.mapping.checking import branches, constants, laws, reach, rules, sides, tables, trips, unlabelled
from casebridge.mapping.checking.report import Finding, Report, sorted_findings
from casebridge.mapping.checking.sides import Side
from casebridge.mapping.checking.survey import survey
from casebridge.mapping.checking.verdicts import judge
from casebridge.mapping.maps import Map
from casebridge.mapping.notation import nearest

RUNS = 2000  # generated records for one map


def check(map_: Map, element: Element | None, *, runs: int = RUNS) -> Report:
    """All that is wrong with a map, what it cannot do, and what each line keeps.

    ``element`` is the other side's schema (None: its paths are not checked); ``runs`` the number of generated records
    that are sent both ways, 0 for none. Nothing is raised for a bad map: its errors stand in the report.
    """
    found, side = survey(map_.definition), Side(element, map_.other)
    judged = judge(found, side)
    errors: Iterable[Finding] = chain(
        sides.check(found, side), rules.check(found, side.is_single), branches.check(found), constants.check(found),
        reach.check(found), tables.check(found, side), laws.check(found), judged.errors, trips.examples(map_),
    )  # fmt: skip
    errors = _once(list(errors))
    if runs and not errors:
        errors += trips.run(map_, element, tuple(judged.verdicts), runs).findings.values()
    notes = chain(
        judged.gaps, tables.notes(found, side), reach.demands(found, element), unlabelled.check(found, element),
        reach.first_items(found), _unchecked(map_, element),
    )  # fmt: skip
    return Report(map_.name, sorted_findings(errors), sorted_findings(notes), tuple(judged.verdicts))


def _once(errors: list[Finding]) -> list[Finding]:
    """A line that does not fit what stands there is not also told that its codes do not."""
    unfit = {finding.place for finding in errors if finding.code in ("CB-215", "CB-216")}
    return [finding for finding in errors if finding.code != "CB-222" or finding.place not in unfit]


def check_set(maps: Iterable[Map]) -> tuple[Finding, ...]:
    """Maps of one set that would be used for the same record."""
    return sorted_findings(branches.check_maps([map_.definition for map_ in maps]))


def element_of(map_: Map, natives: Mapping[str, Natives]) -> Element | None:
    """The schema of the map's other side, None for a format nobody describes.

    MapError CB-231 for a record that its format does not know, or a layout that is not there.
    """
    prefix, _, record = map_.other.partition("/")
    known = natives.get(prefix)
    if known is None:
        return None
    try:
        element = known.element(record, map_.shape, map_.path.parent)
    except SetupError as error:  # a layout the shape names
        raise map_.definition.place.error("CB-231", error.message, remedy=error.remedy) from None
    if element is None:
        raise map_.definition.place.error(
            "CB-231", f"`{prefix}` has no record `{record}`{nearest(record, known.records)}; no record would ever fit "
            "this map",
        )  # fmt: skip
    return replace(element, text=known.text)


def _unchecked(map_: Map, element: Element | None) -> Iterable[Finding]:
    if element is None:
        yield Finding(
            "CB-233", map_.definition.place, f"the paths of `{map_.other}` are not checked: no schema is known for it",
            "A typo in them would read as an empty field.", "Install the plugin that knows this format.",
        )  # fmt: skip
