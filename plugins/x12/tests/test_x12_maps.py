"""The shipped maps: their examples hold, and made-up files become persons and coverage the case model takes."""

import re

import pytest
from casebridge_x12.guide import guide

from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import MapError
from casebridge.mapping import load_map, with_converters
from casebridge.mapping.paths import parse_path
from casebridge.mapping.walk import value_at

NAMES = ["x12/834-subscriber", "x12/834-dependent", "x12/271-subscriber", "x12/271-dependent"]
SSN, MEDICAID = "http://hl7.org/fhir/sid/us-ssn", "urn:casebridge:medicaid-id"


def slice_of(maps, native):
    return maps.for_native(native.type, native.data).read(native.data).slice


def test_the_examples_hold(maps):
    assert {m.name: m.run_examples() for m in maps} == {name: [] for name in NAMES}


def test_every_made_up_member_becomes_records_the_case_model_takes(maps, made, read):
    natives = read("".join(made.file_834(200)))
    assert len(natives) == 200
    for native in natives:
        imported = maps.for_native(native.type, native.data).read(native.data)
        assert imported.notes == []
        for kind, _, record in records_of(imported.slice):
            validate_record(kind, record)


def test_only_the_subscriber_is_linked_by_the_medicaid_id(maps, read, file_of):
    subscriber, child = read(file_of(
        "INS*Y*18*021*AI*A***AC", "REF*0F*MD1", "NM1*IL*1*BROWN*JANE****34*900190001",
        "INS*N*19*021*AI*A***AC", "REF*0F*MD1", "NM1*IL*1*BROWN*NOAH****34*999999999",
    ))  # fmt: skip
    found = [
        {(i["system"], i["scope"]): i["value"] for i in slice_of(maps, native)["person"]["identifiers"]}
        for native in (subscriber, child)
    ]
    assert found == [
        {(SSN, "person"): "900190001", (MEDICAID, "person"): "MD1"},
        {(MEDICAID, "household"): "MD1"},
    ]


STATUS = [
    ("001", "enrolled"), ("002", "cancelled"), ("021", "enrolled"), ("024", "ended"), ("025", "enrolled"),
    ("026", "enrolled"), ("030", "enrolled"), ("032", {"absent": "no-room"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "status"), STATUS)
def test_the_maintenance_type_of_a_coverage_is_its_status(maps, read, file_of, code, status):
    coverage = [f"HD*{code}**HMO*PLAN01", "DTP*348*D8*20260101", "DTP*349*D8*20260331"]
    (native,) = read(file_of("INS*Y*18*001*AI*A***AC", "REF*0F*MD1", "NM1*IL*1*BROWN*JANE", *coverage))
    (participation,) = slice_of(maps, native)["participations"]
    assert participation["status"] == status
    assert (participation["entry"], participation["end"]) == ("2026-01-01", "2026-03-31")


def test_a_termination_ends_the_coverage_that_the_enrollment_began(maps, read, file_of):
    def coverage(*segments):
        member = ["REF*0F*MD1", "NM1*IL*1*BROWN*JANE"]
        (native,) = read(file_of(segments[0], *member, *segments[1:]))
        return slice_of(maps, native)["participations"][0]

    began = coverage("INS*Y*18*021*AI*A***AC", "HD*021**HMO*PLAN01", "DTP*348*D8*20260101")
    ended = coverage("INS*Y*18*024*07*A***TE", "HD*024**HMO*PLAN01", "DTP*348*D8*20260101", "DTP*349*D8*20261031")
    assert began["external_id"] == ended["external_id"]
    assert (began["status"], ended["status"], ended["end"]) == ("enrolled", "ended", "2026-10-31")
    assert ended["reason"] == "termination-of-benefits"


@pytest.mark.parametrize(("table", "loop", "tag", "index"), [
    ("ins02", "2000", "INS", 2), ("ins03", "2000", "INS", 3), ("ins04", "2000", "INS", 4),
])  # fmt: skip
def test_the_code_tables_cover_the_guide(maps, table, loop, tag, index):
    codes = guide()[loop].rules[tag][0].elements[index - 1].codes
    assert codes <= _codes(maps, table)


@pytest.mark.parametrize(("table", "index"), [("hd01", 1), ("hd03", 3)])
def test_the_code_tables_of_coverage_cover_the_guide(maps, table, index):
    loop = next(child for child in guide()["2000"].loops if child.id == "2300")
    assert loop.first.elements[index - 1].codes <= _codes(maps, table)


def _codes(maps, table):
    """The codes a line of the shipped maps reads with this table."""
    (subscriber,) = [m for m in maps if m.name == "x12/834-subscriber"]
    tables = {t.name: t for t in _tables(subscriber.definition.fields)}
    return {row.other for row in tables[table].rows}


def _tables(lines):
    for line in lines:
        if getattr(line, "codes", None):
            yield line.codes
        for part in (*getattr(line, "fields", ()), *getattr(line, "parts", ())):
            yield from _tables([part])
        for branch in getattr(line, "branches", ()):
            yield from _tables(branch.fields)


# --- overlays: the ones that docs/adapters/x12.md shows ----------------------------------------------------------


@pytest.fixture(scope="module")
def overlay(docs, maps, tmp_path_factory):
    """``overlay("county/subscriber")``: the map of this name that the page shows."""
    shown = re.findall(r"```yaml\n(map: .*?)```", docs, re.DOTALL)

    def load(name):
        (text,) = [text for text in shown if text.startswith(f"map: {name}\n")]
        path = tmp_path_factory.mktemp("overlay") / "mine.yaml"
        path.write_text(text)
        return load_map(path, search=[next(iter(maps)).path.parents[1]], converters=with_converters([]))

    return load


def test_california_gives_the_medicaid_number_in_ref_1l(overlay, read, file_of):
    (native,) = read(file_of("INS*Y*18*021*AI*A***AC", "REF*0F*MD1", "REF*1L*CIN1", "NM1*IL*1*BROWN*JANE"))
    person = overlay("county/subscriber").read(native.data).slice["person"]
    assert person["identifiers"] == [{"system": MEDICAID, "scope": "person", "value": "CIN1"}]


NEW_YORK = [("20260101", "cancelled"), ("20260131", "ended")]


@pytest.mark.parametrize(("end", "status"), NEW_YORK)
def test_new_york_cancels_by_a_single_day(overlay, read, file_of, end, status):
    coverage = ["HD*024**HLT", "DTP*348*D8*20260101", f"DTP*349*D8*{end}"]
    (native,) = read(file_of("INS*Y*18*024*AI*A***TE", "REF*0F*MD1", "NM1*IL*1*BROWN*JANE", *coverage))
    slice_ = overlay("emedny/subscriber").read(native.data).slice
    (participation,) = slice_["participations"]
    assert (participation["status"], participation["entry"]) == (status, "2026-01-01")
    for kind, _, record in records_of(slice_):
        validate_record(kind, record)


def test_a_states_category_has_a_path(overlay, docs, read, file_of):
    path = re.search(r"`(LS\.2700\(.*?)`", docs)[1]
    (native,) = read(file_of(
        "INS*Y*18*021*AI*A***AC", "REF*0F*MD1", "NM1*IL*1*BROWN*JANE", "LS*2700", "LX*1", "N1*75*FAM IND", "REF*17*F",
        "LX*2", "N1*75*AID CAT CODE", "REF*17*31", "LE*2700",
    ))  # fmt: skip
    assert value_at(native.data, parse_path(path)) == "31"


def test_a_record_that_is_neither_has_no_map(maps):
    with pytest.raises(MapError, match="CB-208"):
        maps.for_native("x12/834-member", {"member": "visitor"})
