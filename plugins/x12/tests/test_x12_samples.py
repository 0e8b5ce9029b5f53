"""Every public sample 834, and our own broken ones: members read and members held make the INS segments there are."""

import re

import pytest

from casebridge import Native
from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import RecordError

REFUSED = {  # samples that do not keep to the guide or are of another: code, and what is wrong
    "apimeister__834_test.rs_4.edi": ("CB-310", "the padding of its ISA is lost"),
    "hccinfhir__sample_834_01.txt": ("CB-313", "SE01 says 68 segments, there are 67"),
    "pyx12__834_ls_le_ls_5010.999.txt": ("CB-311", "a 999"),
    "pyx12__834_lui_id_5010.999.txt": ("CB-311", "a 999"),
    "stupidedi__enroll-individuals-in-qualified-health-plan-through-health-insurance-exchange.edi": (
        "CB-311", "guide X307"),
    "stupidedi__shop-enrollment-in-qualified-health-plan-through-health-insurance-exchange.edi": (
        "CB-311", "guide X307"),
}  # fmt: skip
HELD = {"hccinfhir__sample_834_02.txt": "birth date made unreadable", "hccinfhir__sample_834_03.txt": "the same"}


def environment(raw):
    return "test" if re.split(rb"[*|]", raw)[15] == b"T" else "prod"


def members_in(raw):
    return len(re.findall(rb"[~\n]\s*INS[*|]", raw))


@pytest.fixture(scope="module")
def found(samples, read):
    """Each 834 of the samples: its bytes, and its records or the error that refused it."""
    results = {}
    for path in sorted(samples.glob("*")):
        raw = path.read_bytes() if path.is_file() else b""
        if path.name in REFUSED or re.search(rb"ST[*]834[*]", raw):
            try:
                results[path.name] = raw, read(raw, environment(raw))
            except RecordError as error:
                results[path.name] = raw, error
    return results


def test_valid_samples_are_read_whole_and_nothing_is_held(found):
    valid = {name: result for name, result in found.items() if name not in REFUSED and name not in HELD}
    assert len(valid) >= 28
    for name, (raw, records) in valid.items():
        assert [type(r) for r in records] == [Native] * members_in(raw), name
        assert members_in(raw) > 0, name


def test_samples_that_break_the_guide_say_how(found):
    assert {name: found[name][1].code for name in REFUSED} == {name: code for name, (code, _) in REFUSED.items()}


@pytest.mark.parametrize("name", HELD)
def test_a_member_without_a_readable_date_is_held_alone(found, name):
    raw, records = found[name]
    assert [(r.code, r.field) for r in records] == [("CB-301", "2100A DMG02")]
    assert members_in(raw) == len(records)


def test_each_members_map_gives_records_the_case_model_takes(found, maps):
    read_ = 0
    for _raw, records in found.values():
        for native in records if isinstance(records, list) else ():
            if isinstance(native, Native):
                read_ += 1
                slice_ = maps.for_native(native.type, native.data).read(native.data).slice
                kinds = [kind for kind, _, _ in records_of(slice_)]
                assert kinds.count("person") == 1
                assert "participation" in kinds or native.data["INS"]["03"] == "001"  # a change of name or address
                for kind, _, record in records_of(slice_):
                    validate_record(kind, record)
    assert read_ >= 40


def test_segments_that_belong_together_are_known_as_the_guide_says(found):
    """No sample of the guide has a segment for which the guide has no room: the tables have no hole they fall in."""
    unknown = {
        name: record.data["warnings"]
        for name, (_, records) in found.items() if isinstance(records, list)
        for record in records if isinstance(record, Native) and "no room" in str(record.data.get("warnings"))
    }  # fmt: skip
    assert unknown == {}


BROKEN = [
    # file, (code, segment, field) of the refusal; or of what is held or warned of, and how many go on
    ("b1_missing_SE.834", ("CB-312", 39, "")),
    ("b2_wrong_SE_count.834", ("CB-313", 39, "SE01")),
    ("b3_bad_ISA_length.834", ("CB-310", 1, "ISA06")),
    ("b4_unknown_segment.834", ("CB-313", 40, "SE01")),
    ("b6_wrong_delims.834", ("CB-310", 2, "")),
    ("b7_missing_NM1.834", ("CB-313", 38, "SE01")),
    ("b9_dup_control.834", ("CB-315", 42, "ISA13")),
]


@pytest.mark.parametrize(("name", "where"), BROKEN)
def test_each_broken_file_is_refused_with_its_own_message(samples, read, name, where):
    with pytest.raises(RecordError) as caught:
        read((samples / "broken" / name).read_bytes())
    assert (caught.value.code, caught.value.position.segment, caught.value.field) == where


def test_a_code_that_is_not_in_the_guide_holds_one_member(samples, read):
    error, *others = read((samples / "broken" / "b5_bad_INS03.834").read_bytes())
    assert (error.code, error.position.segment, error.field) == ("CB-301", 9, "2000 INS03")
    assert [r.external_id for r in others] == ["MD000000002", "MD000000003"]


def test_a_bad_date_in_the_header_is_a_warning(samples, read):
    records = read((samples / "broken" / "b8_bad_date.834").read_bytes())
    assert "segment 5: this is not such a date [HEADER DTP03]" in records[0].data["warnings"][0]
    assert len(records) == 3


def test_an_unknown_segment_with_the_right_count_is_kept(samples, read):
    raw = (samples / "broken" / "b4_unknown_segment.834").read_bytes().replace(b"SE*37", b"SE*38")
    records = read(raw)
    assert [r.external_id for r in records] == ["MD000000001", "MD000000002", "MD000000003"]
    assert records[1].data["unknown"] == [{"segment": 22, "raw": "ZZZ*FOO*BAR"}]


def test_a_missing_name_with_the_right_count_holds_one_member(samples, read):
    raw = (samples / "broken" / "b7_missing_NM1.834").read_bytes().replace(b"SE*37", b"SE*36")
    error, *others = read(raw)
    assert (error.code, error.field) == ("CB-302", "2100A NM1")
    assert len(others) == 2


def test_pipes_and_encodings_give_the_same_members(samples, read):
    broken = samples / "broken"
    good, pipes = (read((broken / name).read_bytes()) for name in ("good3.834", "g1_pipe_delims_ok.834"))
    assert [r.data["2100A"] for r in good] == [r.data["2100A"] for r in pipes]
    utf8, latin1 = (read((broken / name).read_bytes()) for name in ("g2_utf8_name.834", "g3_latin1_name.834"))
    assert [r.data["2100A"]["NM1"] for r in utf8] == [r.data["2100A"]["NM1"] for r in latin1]
    assert {r.data["encoding"] for r in utf8} == {"utf-8"}
    assert "cp1252" in {r.data["encoding"] for r in latin1}
