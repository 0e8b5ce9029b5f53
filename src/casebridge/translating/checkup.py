"""Maps checked one by one, and set by set: what is wrong with each, and what each line keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casebridge.core.errors import MapError
from casebridge.mapping import Map, set_of_maps
from casebridge.mapping.checking import Finding, Report, check, check_set, element_of
from casebridge.mapping.notation import Place
from casebridge.translating.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Checked:
    """One map's report; ``map`` is None when the file cannot be read as a map at all."""

    path: Path
    report: Report
    map: Map | None = None

    @property
    def name(self) -> str:
        """The map's own name, or its file's."""
        return self.map.name if self.map else self.path.name

    def count(self, verdict: str) -> int:
        """How many of its lines and directions have this verdict."""
        return sum(v.verdict == verdict for v in self.report.verdicts)

    def facts(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "map": self.name, "file": str(self.path), "ok": self.report.ok,
            "errors": [facts_of(f) for f in self.report.errors], "notes": [facts_of(f) for f in self.report.notes],
            "verdicts": [{"case": v.case, "other": v.other, "way": v.way, "verdict": v.verdict, "why": v.why,
                          "witness": v.witness, "signed": v.signed, "line": v.place.line}
                         for v in self.report.verdicts],
        }  # fmt: skip


def checked(workshop: Workshop, path: Path, runs: int) -> Checked:
    """Check one file; nothing is raised for a bad map."""
    try:
        map_ = workshop.load(path)
        return Checked(path, check(map_, element_of(map_, workshop.registry.natives), runs=runs), map_)
    except MapError as error:
        return Checked(path, Report("", errors=(_finding(error, path),)))


def check_sets(workshop: Workshop, found: Sequence[Checked]) -> Iterator[tuple[str, Finding]]:
    """(set, what is wrong with it as it would be loaded): two maps for the same record, two of one name."""
    told = {error.place for one in found for error in one.report.errors}
    sets: dict[tuple[str, Path], list[Map]] = {}
    for one in found:
        name = workshop.set_name(one.path)
        sets.setdefault((name, Path() if name else one.path.parent), []).extend([one.map] if one.map else [])
    for (name, folder), maps in sets.items():
        try:
            loaded = workshop.set_of(name) if name else set_of_maps(str(folder), maps)
            yield from ((loaded.name, finding) for finding in check_set(loaded))
        except MapError as error:
            finding = _finding(error, workshop.own / name)
            if finding.place not in told:
                yield name, finding


def _finding(error: MapError, path: Path) -> Finding:
    place = Place(error.file or str(path), error.line, error.column)
    said = error.message.partition(f":{error.line}:{error.column}: ")[2] if error.file else error.message
    return Finding(error.code, place, said or error.message, remedy=error.remedy)


def facts_of(finding: Finding) -> dict[str, Any]:
    """A finding for programs."""
    place = finding.place
    return {"code": finding.code, "file": place.file, "line": place.line, "column": place.column,
            "message": finding.message, "example": finding.example, "remedy": finding.remedy}  # fmt: skip
