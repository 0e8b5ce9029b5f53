"""One record for each person: who is read, who is held, what is only a warning, and by which id a person is known."""

import pytest
from casebridge_x12.sightings import Sightings

from casebridge import Native
from casebridge.core.errors import RecordError


def subscriber(number="MD1", name="BROWN*JANE", born="19800101", ssn="", extra=()):
    tail = f"****34*{ssn}" if ssn else ""
    return ["INS*Y*18*021*AI*A***AC", f"REF*0F*{number}", *extra, f"NM1*IL*1*{name}{tail}", f"DMG*D8*{born}*F"]


def dependent(number="MD1", relation="19", name="BROWN*NOAH", born="20150101", ssn="", ins="", extra=()):
    tail = f"****34*{ssn}" if ssn else ""
    return [
        f"INS*N*{relation}*021*AI*A***AC{ins}", f"REF*0F*{number}", *extra,
        f"NM1*IL*1*{name}{tail}", f"DMG*D8*{born}*M",
    ]  # fmt: skip


def ids(records):
    return [record.external_id for record in records]


# --- ids ---------------------------------------------------------------------------------------------------------


def test_three_people_under_one_subscriber_id_stay_three(read, file_of):
    family = [*subscriber(), *dependent(relation="01", name="BROWN*JOHN", born="19790101"), *dependent()]
    records = read(file_of(*family))
    assert [r.data["member"] for r in records] == ["subscriber", "dependent", "dependent"]
    assert len(set(ids(records))) == 3
    assert ids(records)[0] == "MD1"
    assert [r.order_key for r in records] == ids(records) == [r.data["member_id"] for r in records]


SAME = [
    ("again", dependent(), dependent()),
    ("after a marriage", dependent(), dependent(name="FOX*NOAH")),
    ("spelled otherwise", dependent(), dependent(name="Brown*Noah")),
    ("with other coverage", dependent(), [*dependent(), "HD*021**DEN", "DTP*348*D8*20260101"]),
    ("known by a number, under another parent", dependent(ssn="900190001"), dependent("MD2", ssn="900190001")),
]


@pytest.mark.parametrize(("first", "second"), [c[1:] for c in SAME], ids=[c[0] for c in SAME])
def test_a_dependents_id_is_the_same_from_file_to_file(read, file_of, first, second):
    assert ids(read(file_of(*first))) == ids(read(file_of(*second)))


OTHERS = [
    ("a brother", dependent(), dependent(name="BROWN*LEO")),
    ("born another day", dependent(), dependent(born="20150102")),
    ("another relation", dependent(), dependent(relation="15")),
    ("another family", dependent(), dependent("MD2")),
    ("a twin without a name yet", dependent(ins="*********1"), dependent(ins="*********2")),
    ("newborns with a filler", dependent(ssn="999999999"), dependent(name="BROWN*LEO", ssn="999999999")),
    ("the subscriber", subscriber(), dependent()),
]


@pytest.mark.parametrize(("first", "second"), [c[1:] for c in OTHERS], ids=[c[0] for c in OTHERS])
def test_others_have_other_ids(read, file_of, first, second):
    one, two = read(file_of(*first, *second))
    assert one.external_id != two.external_id


@pytest.mark.parametrize("member", [subscriber("900190001"), dependent(ssn="900190001"), dependent()])
def test_no_id_shows_personal_data(read, file_of, member):
    (record,) = read(file_of(*member, "HD*021**HMO"))
    shown = record.external_id + record.data["2300"][0]["coverage_id"]
    assert not any(word in shown.upper() for word in ("900190001", "NOAH", "BROWN", "20150101"))


SHOWN = [
    # REF*0F, is it shown
    ("MD1", True),
    ("1234567890", True),
    ("90019000101", True),
    ("900190001", False),
    ("900-19-0001", False),
    ("900 19 0001", False),
    ("90-0190001", False),
    ("900190001-01", False),
    ("900190001 1", False),
    ("900190001A", False),
    ("900190001C1", False),
]


@pytest.mark.parametrize(("number", "shown"), SHOWN)
@pytest.mark.parametrize("ssn", ["", "900190001"])
def test_a_number_that_may_be_a_social_security_number_is_not_shown(read, file_of, number, shown, ssn):
    (record,) = read(file_of(*subscriber(number, ssn=ssn)))
    assert (record.external_id == number) is shown
    assert record.external_id.startswith("h-") is not shown


def test_a_number_written_otherwise_is_the_same_and_one_with_another_suffix_is_not(read, file_of):
    numbers = ("900190001", "900-19-0001", "900 19 0001", "900190001-01", "900190001-02")
    known = [ids(read(file_of(*subscriber(number))))[0] for number in numbers]
    assert len(set(known[:3])) == 1
    assert len(set(known)) == 3


def test_a_key_makes_the_hashes_the_sites_own(read, file_of):
    file = file_of(*dependent())
    assert ids(read(file, id_key="one")) != ids(read(file, id_key="two"))
    assert ids(read(file, id_key="one")) == ids(read(file, id_key="one"))


def test_a_partner_may_name_the_ref_that_carries_each_persons_own_id(read, file_of):
    family = [*subscriber(extra=["REF*23*P1"]), *dependent(extra=["REF*23*P2"])]
    assert ids(read(file_of(*family), member_ref="23")) == ["P1", "P2"]


# --- the same member twice ------------------------------------------------------------------------------------------


def test_two_loops_of_a_member_are_both_given_in_order_and_said(read, file_of):
    first, second = read(file_of(*subscriber(), *subscriber()))
    assert ids([first, second]) == ["MD1", "MD1"]
    assert "the same member also stands at segment 9" in second.data["warnings"][0]


def test_another_person_under_the_same_id_is_held(read, file_of):
    other = subscriber(name="FOX*HOPE", born="19900202")
    first, second, third = read(file_of(*subscriber(), *other, *subscriber("MD2")))
    assert (first.external_id, third.external_id) == ("MD1", "MD2")
    assert isinstance(second, RecordError)
    assert (second.code, second.position.segment) == ("CB-316", 13)
    assert "HOPE" not in str(second)


def test_only_the_last_members_are_remembered():
    sightings = Sightings(remembered=2)
    jane, hope = ("jane", "19800101"), ("hope", "19900202")
    assert [sightings.notice(name, at, jane) for at, name in enumerate("ABAC", 1)] == [
        (0, False), (0, False), (1, False), (0, False),
    ]  # fmt: skip
    assert sightings.notice("A", 5, hope) == (3, True)
    assert sightings.notice("A", 6, ("", "19900202")) == (3, False)
    assert sightings.notice("B", 7, jane) == (0, False)


def test_a_corrected_birth_date_is_the_same_person(read, file_of):
    assert all(isinstance(r, Native) for r in read(file_of(*subscriber(), *subscriber(born="19800201"))))


# --- held -----------------------------------------------------------------------------------------------------------

HELD = [
    # what is wrong with the middle one of three members, code, segment, field
    (["INS*Y*18*999*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX"], "CB-301", 13, "2000 INS03"),
    (["INS*Y*99*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX"], "CB-301", 13, "2000 INS02"),
    (["INS*X*18*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX"], "CB-301", 13, "2000 INS01"),
    (["INS*Y*18**AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX"], "CB-302", 13, "2000 INS03"),
    (["INS*Y*18*021*AI*A***AC", "NM1*IL*1*FOX"], "CB-302", 13, "2000 REF"),
    (["INS*Y*18*021*AI*A***AC", "REF*1L*G", "NM1*IL*1*FOX"], "CB-302", 13, "2000 REF"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F", "NM1*IL*1*FOX"], "CB-302", 14, "2000 REF02"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "N3*1 MAIN ST"], "CB-302", 13, "2100A NM1"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "DTP*356*D8*20261399", "NM1*IL*1*FOX"], "CB-301", 15, "2000 DTP03"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX", "DMG*D8*19830229*F"], "CB-301", 16, "2100A DMG02"),
    (["INS*Y*18*021*AI*A***AC***D8*2026", "REF*0F*MD2", "NM1*IL*1*FOX"], "CB-301", 13, "2000 INS12"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX", "HD*777**HMO", "DTP*348*D8*20260101"],
     "CB-301", 16, "2300 HD01"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX", "HD*024**HMO", "DTP*349*D8"], "CB-302", 17, "2300 DTP03"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX", "HD*021**HMO", "DTP*348*RD8*20260201-20260101"],
     "CB-301", 17, "2300 DTP03"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX", "HD*021**HMO", "DTP*348*RD8*20260201"],
     "CB-301", 17, "2300 DTP03"),
    (["INS*Y*18*021*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX", "HD*021**HMO", "DTP*348*XX*20260201"],
     "CB-301", 17, "2300 DTP03"),
]  # fmt: skip


@pytest.mark.parametrize(("member", "code", "segment", "field"), HELD)
def test_a_member_that_cannot_be_read_is_held_and_the_others_go_on(read, file_of, member, code, segment, field):
    before, error, after = read(file_of(*subscriber("MD1"), *member, *subscriber("MD3")))
    assert (before.external_id, after.external_id) == ("MD1", "MD3")
    assert isinstance(error, RecordError)
    assert (error.code, error.position.segment, error.field) == (code, segment, field)
    assert error.expected
    assert error.remedy
    assert "FOX" not in str(error)


def test_the_error_carries_the_members_id_where_it_is_known(read, file_of):
    (error,) = read(file_of("INS*Y*18*999*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX"))
    assert error.external_id == "MD2"
    assert error.found == "999"


def test_several_things_wrong_are_counted(read, file_of):
    (error,) = read(file_of("INS*Y*18*999*AI*A***AC", "REF*0F*MD2", "NM1*IL*1*FOX", "DMG*D8*1*F"))
    assert "(and 1 more)" in error.message


def test_a_member_larger_than_allowed_is_held(read, file_of):
    big = [*subscriber("MD1"), *(f"DTP*356*D8*202601{day:02}" for day in range(1, 20))]
    error, after = read(file_of(*big, *subscriber("MD2")), member_limit=20)
    assert (error.code, error.position.segment) == ("CB-304", 9)
    assert after.external_id == "MD2"


def test_a_member_of_more_bytes_than_allowed_is_held(read, file_of):
    big = [*subscriber("MD1"), *["ZZZ*" + "A" * 5000] * 30]
    error, after = read(file_of(*big, *subscriber("MD2")), member_size=100_000)
    assert (error.code, error.position.segment, after.external_id) == ("CB-304", 9, "MD2")


def test_a_segment_of_a_thousand_elements_is_held(read, file_of):
    error, after = read(file_of(*subscriber("MD1"), "N3*" + "*" * 1000, *subscriber("MD2")))
    assert (error.code, after.external_id) == ("CB-304", "MD2")


# --- warnings -------------------------------------------------------------------------------------------------------

WARNED = [
    # segments after the member's name, what the first warning says, at segment
    (["ZZZ*FOO*BAR"], "no room for this segment here", "2100A ZZZ", 12),
    (["N3*1 MAIN ST", "N3*2 MAIN ST"], "no room for this segment here", "2100A N3", 13),
    (["PER*XX**TE*5551"], "the code is not in the guide", "2100A PER01", 12),
    (["PER*IP**TE"], "a required value is missing", "2100A PER04", 12),
    (["DMG*D8**F"], "a required value is missing", "2100A DMG02", 12),
    (["DMG*D8*19800101*F**:RET"], "", "", 0),
    (["DMG*D8*19800101*F**Q:RET"], "the code is not in the guide", "2100A DMG05-01", 12),
    (["HD*021**NEW", "DTP*348*D8*20260101"], "the code is not in the guide", "2300 HD03", 12),
    (["HD*021**HMO", "DTP*999*D8*20260101"], "the code is not in the guide", "2300 DTP01", 13),
    (["HD*021**HMO"], "a required segment is missing", "2300 DTP", 12),
    (["HD*021**HMO", "DTP*348*D8*20260101", "REF*0F*MD2"], "the code is not in the guide", "2300 REF01", 14),
]


@pytest.mark.parametrize(("segments", "message", "field", "number"), WARNED)
def test_what_a_companion_guide_may_add_is_a_warning(read, file_of, segments, message, field, number):
    (record,) = read(file_of("INS*Y*18*021*AI*A***AC", "REF*0F*MD1", "NM1*IL*1*BROWN*JANE", *segments))
    assert isinstance(record, Native)
    warning = record.data.get("warnings", [""])[0]
    assert message in warning
    assert f"[{field}]" in warning or not field
    assert warning.startswith(f"segment {number}:") or not number
    assert "JANE" not in warning


def test_an_unknown_segment_is_kept_raw_where_it_stood(read, file_of):
    (record,) = read(file_of(*subscriber(), "HD*021**HMO", "DTP*348*D8*20260101", "ZZZ*FOO**BAR"))
    assert record.data["2300"][0]["unknown"] == [{"segment": 15, "raw": "ZZZ*FOO**BAR"}]


def test_a_party_the_guide_does_not_know_takes_its_address_with_it(read, file_of):
    stranger = ["NM1*2J*1*OTHER*PARTY", "N3*9 SHELTER ST", "N4*TROY*NY*12180", "PER*IP**TE*5559"]
    (record,) = read(file_of(*subscriber(), *stranger, "HD*021**HMO", "DTP*348*D8*20260101"))
    loop = record.data["2100A"]
    assert not {"N3", "N4", "PER"} & set(loop)
    assert [u["raw"] for u in loop["unknown"]] == stranger
    assert record.data["2300"][0]["HD"]["03"] == "HMO"


def test_a_missing_name_does_not_give_the_address_to_anyone(read, file_of):
    nameless = ["INS*Y*18*021*AI*A***AC", "REF*0F*MD1", "N3*1 MAIN ST", "HD*021**HMO"]
    first, second = read(file_of(*nameless, *subscriber("MD2")))
    assert first.field == "2100A NM1"
    assert "N3" not in second.data["2100A"]


def test_many_warnings_are_counted_not_kept(read, file_of):
    (record,) = read(file_of(*subscriber(), *["ZZZ*1"] * 80))
    assert len(record.data["warnings"]) == 51
    assert record.data["warnings"][-1] == "and 30 more"


def test_problems_of_the_header_stand_on_its_first_member(read, file_of):
    header = [["BGN", "00", "1", "20261101", "0600", "", "", "", "2"], ["DTP", "007", "D8", "20261399"]]
    first, second = read(file_of(*subscriber(), *subscriber("MD2"), header=header))
    assert "segment 5: this is not such a date [HEADER DTP03]" in first.data["warnings"][0]
    assert "warnings" not in second.data


# --- what the format works out --------------------------------------------------------------------------------------


def test_each_coverage_is_named_by_member_line_plan_and_begin(read, file_of):
    coverages = [
        "HD*021**HMO*PLAN01", "DTP*348*D8*20260101", "HD*021**DEN", "DTP*348*D8*20260101",
        "HD*021**DEN", "DTP*348*D8*20260101", "HD*024**VIS", "DTP*349*D8*20260131",
    ]  # fmt: skip
    (record,) = read(file_of(*subscriber(), *coverages))
    assert [c["coverage_id"] for c in record.data["2300"]] == [
        "MD1/HMO/PLAN01/20260101", "MD1/DEN//20260101", "MD1/DEN//20260101/2", "MD1/VIS//",
    ]  # fmt: skip
    assert "eligibility_id" not in record.data


def test_what_is_deleted_and_said_anew_leaves_its_id_to_what_is_said_anew(read, file_of):
    span = "DTP*348*D8*20260101"
    (record,) = read(file_of(*subscriber(), "HD*002**HMO", span, "HD*021**HMO", span, "HD*002**DEN", span))
    assert [c["coverage_id"] for c in record.data["2300"]] == [
        "MD1/HMO//20260101/002", "MD1/HMO//20260101", "MD1/DEN//20260101",
    ]  # fmt: skip


RANGES = [
    # the dates of a coverage: begin, end
    (["348*RD8*20260101-20260131"], "20260101", "20260131"),
    (["349*RD8*20260101-20260131"], "20260101", "20260131"),
    (["348*RD8*20260101-20261231", "349*D8*20260131"], "20260101", "20260131"),
    (["303*RD8*20260101-20260131"], None, None),
]


@pytest.mark.parametrize(("dates", "begin", "end"), RANGES)
def test_two_dates_in_one_segment_are_begin_and_end(read, file_of, dates, begin, end):
    (record,) = read(file_of(*subscriber(), "HD*021**HMO", *(f"DTP*{date}" for date in dates)))
    (coverage,) = record.data["2300"]
    found = {dtp["01"]: dtp["03"] for dtp in coverage["DTP"] if dtp["02"] == "D8"}
    assert (found.get("348"), found.get("349")) == (begin, end)
    assert coverage["coverage_id"] == f"MD1/HMO//{begin or ''}"


def test_a_coverage_that_begins_and_ends_on_one_day_is_marked(read, file_of):
    coverages = ["HD*024**HMO", "DTP*348*D8*20260101", "DTP*349*D8*20260101"]
    (record,) = read(file_of(*subscriber(), *coverages))
    assert record.data["2300"][0]["same_day"] == "Y"


COVERAGE = ["HD*021**HMO", "DTP*348*D8*20260101"]
ELIGIBILITY = [
    ("024", ["DTP*357*D8*20260131"], [], True),
    ("024", ["DTP*357*D8*20260131"], COVERAGE, True),
    ("024", ["DTP*356*D8*20250101"], COVERAGE, False),  # the coverage says the end
    ("024", [], COVERAGE, False),
    ("024", [], [], True),
    ("021", ["DTP*356*D8*20260101"], COVERAGE, True),
    ("001", [], COVERAGE, False),
    ("001", [], [], False),  # a change of name or address says nothing of eligibility
    ("001", ["DTP*356*D8*20260101"], [], True),
    ("001", ["DTP*357*D8*20260131"], [], True),
    ("021", [], [], True),
    ("025", [], [], True),
    ("030", [], [], True),
]


@pytest.mark.parametrize(("maintenance", "dates", "coverage", "named"), ELIGIBILITY)
def test_eligibility_is_named_where_the_loop_itself_states_it(read, file_of, maintenance, dates, coverage, named):
    ins = f"INS*Y*18*{maintenance}*AI*A***AC"
    (record,) = read(file_of(ins, "REF*0F*MD1", *dates, "NM1*IL*1*BROWN", *coverage))
    assert record.data.get("eligibility_id") == ("MD1/eligibility" if named else None)


def test_the_encoding_that_was_used_is_recorded(read, file_of):
    raw = file_of(*subscriber("MD1", name="MUÑOZ*JOSÉ"), *subscriber("MD2")).encode("latin-1")
    first, second = read(raw)
    assert first.data["2100A"]["NM1"]["03"] == "MUÑOZ"
    assert (first.data["encoding"], second.data["encoding"]) == ("cp1252", "utf-8")
