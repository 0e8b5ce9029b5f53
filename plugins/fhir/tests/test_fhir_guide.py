"""The examples of the guide, each through its own map and back: with the original under it, and onto nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.answers import ANSWERS
from casebridge_fhir.decimals import DECIMAL
from casebridge_fhir.format import FhirR4

from casebridge import Native
from casebridge.core.case import records_of, validate_record
from casebridge.core.jsontext import dumps, loads
from casebridge.mapping import Map, MapSet, OwnIds, load_set, with_converters
from casebridge.mapping.inspection import Coverage
from casebridge.mapping.inspection.coverage import general
from casebridge.mapping.walk import leaves, spelled

MAPS = Path(__file__).resolve().parents[3] / "mappings"
RESPELLED = {  # what a create writes in another place than the example has it, and why that is the same
    "sdohcc/condition": {"onsetPeriod.start": "a beginning told as a period is written as a day: onsetDateTime"},
}
ASKED = ("Task", "ServiceRequest", "Patient", "Condition", "Goal")


@pytest.fixture(scope="module")
def maps() -> MapSet:
    return load_set("sdohcc", [MAPS], converters=with_converters([ANSWERS, DECIMAL]))


@pytest.fixture
def natives(maps: MapSet, examples: dict[str, Path], format_: FhirR4) -> list[Native]:
    """Each example as the format gives it; a Task comes with its order and its patient."""
    known = {f"{r['resourceType']}/{r['id']}": r for r in (loads(p.read_bytes()) for p in examples.values())}
    return [_native(name, known, maps, format_) for name in known]


def _native(name: str, known: dict[str, Any], maps: MapSet, format_: FhirR4) -> Native:
    resource = known[name]
    around = [resource.get(part, {}).get("reference") for part in ("focus", "for")] if name[:5] == "Task/" else []
    entries = [{"resource": r} for r in (resource, *(known[a] for a in around if a in known))]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    found = [n for n in format_.parse(BytesIO(dumps(bundle)), maps.shapes) if isinstance(n, Native)]
    return next(n for n in found if n.external_id == name)


def _only(maps: MapSet, native: Native) -> Map:
    found = [m for m in maps if m.other == native.type and m.matches(native.data)]
    assert len(found) == 1, f"{native.external_id}: {[m.name for m in found]}"
    return found[0]


def test_every_example_has_exactly_one_map(maps: MapSet, natives: list[Native]) -> None:
    assert len(natives) == 67
    used = Counter(_only(maps, native).name for native in natives)
    # these examples have no Coverage, no question to a payer nor its answer, no document and no filled-in form
    assert {m.name for m in maps} - set(used) == {
        "sdohcc/coverage", "sdohcc/document-reference", "sdohcc/eligibility-request", "sdohcc/eligibility-response",
        "sdohcc/questionnaire-response",
    }  # fmt: skip


def test_put_back_every_leaf_is_as_it_was(maps: MapSet, natives: list[Native]) -> None:
    for native in natives:
        found = _only(maps, native)
        imported = found.read(native.data)
        for kind, _, record in records_of(imported.slice):
            validate_record(kind, record)
        exported = found.write(imported.slice, OwnIds(), native.data)
        assert dumps(exported.data) == dumps(native.data), native.external_id  # order and spelling too
        if found.definition.only != "import":
            assert exported.no_room == [], native.external_id


def _values(data: dict[str, Any], where: Iterator[tuple[str | int, ...]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for place in where:
        node: Any = data
        for part in place:
            node = node[part]
        found[general(spelled(place)).replace("[]", ""), str(node)] += 1
    return found


def test_written_anew_everything_a_line_claims_is_there_but_for_what_is_declared(
    maps: MapSet, natives: list[Native]
) -> None:
    for native in natives:
        found = _only(maps, native)
        if found.definition.only:
            continue
        imported = found.read(native.data)
        parents = set(found.shape.get("parents") or {})
        unread = {*imported.left_over}
        theirs = {k: v for k, v in native.data.items() if k not in {"id", "meta", "text", *parents}}
        claimed = _values(theirs, (w for w in leaves(theirs) if spelled(w) not in unread))
        made = found.write(imported.slice, OwnIds()).data
        missing = {place for place, _ in claimed - _values(made, leaves(made))}
        assert missing <= set(RESPELLED.get(found.name, ())), native.external_id


def test_at_least_four_of_five_leaves_are_claimed(maps: MapSet, natives: list[Native]) -> None:
    counted: dict[str, Coverage] = {}
    for native in natives:
        counted.setdefault(native.type.partition("/")[2], Coverage()).add(_only(maps, native), native.data)
    shares = {name: coverage.share(coverage.claimed) for name, coverage in counted.items()}  # of all leaves there are
    assert {name: round(shares[name], 3) for name in ASKED if shares[name] < 0.8} == {}
    # What is ignored on purpose is the envelope: the id, the narrative, meta, and nothing of the matter.
    passed = {place.partition(".")[0].partition("[")[0] for c in counted.values() for place in c.ignored}
    assert passed <= {"id", "meta", "text"}
