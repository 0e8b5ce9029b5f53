"""How much of the partners' records the shipped maps read: FHIR by the guide's examples, HMIS by its columns.

The examples of the guide (HL7, SDOH Clinical Care 3.0.0) are not part of the project. ``data/fhir_coverage.csv`` holds
what was counted over them, places and numbers and no values; where the examples are at hand it is counted again.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from casebridge.docs.map_pages import shipped, workshop
from casebridge.docs.markdown import code, codes, table
from casebridge.mapping.checking import element_of
from casebridge.mapping.inspection import Coverage
from casebridge.mapping.inspection.columns import columns
from casebridge.translating import side

NOTICE = (
    "# Places and counts over the 67 examples of HL7 FHIR SDOH Clinical Care 3.0.0 (hl7.fhir.us.sdoh-clinicalcare); "
    "no values.\n"
)
HEAD = ("record", "place", "claimed", "ignored", "kept")
PARTS = ("claimed", "ignored", "kept")
ASKED = ("Task", "ServiceRequest", "Patient", "Condition", "Goal")  # at least 80 % of these is to be claimed


def examples() -> Path | None:
    """The folder of the guide's examples, where it is at hand (CASEBRIDGE_SAMPLES, or beside the checkout)."""
    given = os.environ.get("CASEBRIDGE_SAMPLES")
    root = Path(__file__).resolve().parents[3]
    folder = (Path(given) if given else root.parent / "shared" / "samples") / "fhir" / "examples"
    return folder if folder.is_dir() else None


def counted(folder: Path) -> str:
    """The CSV, counted anew over the examples."""
    sdohcc = side(workshop(), "sdohcc", {})
    found: dict[str, Coverage] = {}
    for file in sorted(folder.glob("*.json")):
        for native in sdohcc.natives(file):
            if isinstance(native, Exception):
                raise native
            coverage = found.setdefault(native.type.partition("/")[2], Coverage())
            if (map_ := sdohcc.maps.find(native.type, native.data)) is not None:
                coverage.add(map_, native.data)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([HEAD, *_rows(found)])
    return NOTICE + buffer.getvalue()


def _rows(found: dict[str, Coverage]) -> Iterator[tuple[str, str, int, int, int]]:
    for record, coverage in sorted(found.items()):
        places = sorted({place for part in PARTS for place in getattr(coverage, part)})
        for place in places:
            yield record, place, coverage.claimed[place], coverage.ignored[place], coverage.kept[place]


def kept_counts() -> str:
    """The CSV as it is committed."""
    return files("casebridge.docs").joinpath("data/fhir_coverage.csv").read_text(encoding="utf-8")


def coverage_page(counts: str) -> str:
    """Shares by resource and by file, and what is not read."""
    return "\n".join([
        "# How much of the partners' records is read\n",
        "*Claimed* is read or written by a line of a map; *ignored* is left out on purpose; *only kept* stays with the "
        "partner's own record, and goes back to that partner alone.\n",
        "## FHIR: the values of the guide's examples\n",
        "Counted over the examples of SDOH Clinical Care 3.0.0. `casebridge map coverage sdohcc FOLDER` counts over "
        "samples of your own.\n",
        _of_fhir(counts),
        "\n## HMIS: the columns of each file\n",
        _of_hmis(),
    ])  # fmt: skip


def _of_fhir(counts: str) -> str:
    totals: dict[str, Counter[str]] = {}
    unread: dict[str, list[str]] = {}
    for row in csv.DictReader(line for line in counts.splitlines() if not line.startswith("#")):
        totals.setdefault(row["record"], Counter()).update({part: int(row[part]) for part in PARTS})
        if int(row["kept"]):
            unread.setdefault(row["record"], []).append(row["place"])
    return table(
        ["resource", "values", "claimed", "ignored", "only kept", "claimed of what is not ignored", "read by no line"],
        [(record, str(t.total()), *(_percent(t[part], t.total()) for part in PARTS),
          _percent(t["claimed"], t["claimed"] + t["kept"]), codes(unread.get(record, ())))
         for record, t in sorted(totals.items(), key=lambda pair: (pair[0] not in ASKED, pair[0]))],
    )  # fmt: skip


def _of_hmis() -> str:
    return table(["specification", "file", "columns", "claimed", "ignored", "only kept", "read by no line"], _files())


def _files() -> Iterable[tuple[str, ...]]:
    for one in shipped():
        if one.map is not None and one.map.other.startswith("hmis-csv"):
            element = element_of(one.map, workshop().registry.natives)
            for file in columns(one.map, element) if element else ():
                every = len(file.claimed) + len(file.ignored) + len(file.kept)
                yield (code(one.map.other.partition("/")[0]), f"{file.file}.csv", str(every),
                       *(_percent(len(part), every) for part in (file.claimed, file.ignored, file.kept)),
                       codes(file.kept))  # fmt: skip


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else ""
