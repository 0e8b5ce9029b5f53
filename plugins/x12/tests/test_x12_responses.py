"""271: one record for each person asked about, the subscriber round a dependent, and rejects that are no answers."""

import pytest
from casebridge_x12.natives import NATIVES
from casebridge_x12.periods import period

from casebridge import Native
from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import RecordError

PAYER = ["HL*1**20*1", "NM1*PR*2*STATE MEDICAID*****PI*MCD", "HL*2*1*21*1", "NM1*1P*2*CLINIC*****XX*1999999984"]
JANE = ["HL*3*2*22*0", "TRN*2*Q-1*9CLINIC", "NM1*IL*1*BROWN*JANE****MI*MD1", "DMG*D8*19800101*F"]
MOTHER = ["HL*3*2*22*1", "NM1*IL*1*BROWN*JANE****MI*MD1"]
NOAH = ["HL*4*3*23*0", "TRN*2*Q-2*9CLINIC", "NM1*03*1*BROWN*NOAH", "DMG*D8*20150101*M", "INS*N*19"]


@pytest.fixture
def answer(made, read):
    """``answer("HL*...", ...)``: what is read of a 271 with these segments."""

    def run(*segments, **style):
        body = [["BHT", "0022", "11", "10001", "20261101", "0600"], *(segment.split("*") for segment in segments)]
        text = "".join(made.Interchange(**style).write(body))
        return read(text.replace("GS*BE", "GS*HB").replace("ST*834", "ST*271").replace("X220A1", "X279A1"))

    return run


def slice_of(maps, native):
    return maps.for_native(native.type, native.data).read(native.data).slice


def test_a_subscriber_is_one_record_with_its_benefits(answer):
    (record,) = answer(*PAYER, *JANE, "EB*1**30**STATE PLAN", "DTP*291*RD8*20260101-20261231", "EB*B**30***27*3")
    assert (record.type, record.external_id) == ("x12/271-eligibility", "MD1")
    assert [b["EB"]["01"] for b in record.data["2100"]["2110"]] == ["1", "B"]
    assert record.data["2000A"]["2100A"]["NM1"]["03"] == "STATE MEDICAID"
    assert record.data["BHT"]["04"] == "20261101"


def test_a_dependent_is_the_person_and_the_subscriber_stands_round_it(answer):
    (record,) = answer(*PAYER, *MOTHER, *NOAH, "EB*1**30")
    assert (record.data["member"], record.data["2100"]["NM1"]["04"]) == ("dependent", "NOAH")
    assert record.data["subscriber"]["2100"]["NM1"]["09"] == "MD1"


def test_a_dependent_has_the_id_it_has_in_the_payers_834(answer, read, file_of):
    (asked,) = answer(*PAYER, *MOTHER, *NOAH)
    (listed,) = read(file_of("INS*N*19*021*AI*A", "REF*0F*MD1", "NM1*IL*1*BROWN*NOAH", "DMG*D8*20150101*M"))
    assert asked.external_id == listed.external_id


def test_a_subscriber_with_an_answer_of_their_own_is_a_record_beside_the_dependent(answer):
    found = answer(*PAYER, *MOTHER, "EB*1**30", *NOAH, "EB*1**30")
    assert [r.data["member"] for r in found] == ["subscriber", "dependent"]


def test_a_subscriber_whose_dependents_never_come_is_not_lost(answer):
    (record,) = answer(*PAYER, *MOTHER)
    assert record.data["2100"]["NM1"]["04"] == "JANE"


def test_every_person_of_a_file_is_read_in_order(answer):
    others = [s.replace("HL*3*2", "HL*4*2").replace("MD1", "MD2").replace("JANE", "ADA") for s in JANE]
    assert [r.external_id for r in answer(*PAYER, *JANE, *others)] == ["MD1", "MD2"]


def test_service_types_come_with_one_separator_whatever_the_file_uses(answer):
    (record,) = answer(*PAYER, *JANE, "EB*1**1!33!35*MC", repetition="!")
    assert record.data["2100"]["2110"][0]["EB"]["03"] == "1^33^35"


@pytest.mark.parametrize(("wrong", "field"), [
    ("HL*4*9*23*0", "HL02"), ("HL*4*3*24*0", "HL03"), ("HL*4**23*0", "HL02"),
])  # fmt: skip
def test_a_level_that_stands_nowhere_is_held_alone(answer, wrong, field):
    record, error = answer(*PAYER, *JANE, "EB*1**30", wrong, *NOAH[1:])
    assert isinstance(record, Native)
    assert (error.code, error.field) == ("CB-301", field)


HELD = [
    ("an unknown EB01", ["EB*9**30"], "2110 EB01"),
    ("no EB01", ["EB***30"], "2110 EB01"),
    ("a date that is none", ["EB*1**30", "DTP*291*D8*20261399"], "2110 DTP03"),
    ("a range that is backwards", ["EB*1**30", "DTP*291*RD8*20261231-20260101"], "2110 DTP03"),
]


@pytest.mark.parametrize(("segments", "field"), [h[1:] for h in HELD], ids=[h[0] for h in HELD])
def test_an_answer_that_could_mean_something_else_is_held(answer, segments, field):
    (error,) = answer(*PAYER, *JANE, *segments)
    assert isinstance(error, RecordError)
    assert error.field == field
    assert "BROWN" not in str(error)


def test_a_dependent_of_a_subscriber_without_a_name_is_held(answer):
    (error,) = answer(*PAYER, "HL*3*2*22*1", *NOAH, "EB*1**30")
    assert error.field == "2100 NM1"


def test_two_people_under_one_number_are_held(answer):
    twin = [s.replace("HL*3", "HL*4").replace("JANE", "ADA").replace("1980", "1990") for s in JANE]
    record, error = answer(*PAYER, *JANE, *twin)
    assert (record.external_id, error.code) == ("MD1", "CB-316")


def test_codes_outside_the_guide_are_warnings(answer):
    (record,) = answer(*PAYER, *JANE, "EB*1**30^XX*ZZ")
    assert len(record.data["warnings"]) == 2
    assert "XX" not in str(record.data["warnings"])


def test_a_270_is_refused(made, read):
    text = "".join(made.Interchange().write([["BHT", "0022", "13", "1", "20261101", "0600"]]))
    with pytest.raises(RecordError, match="CB-311"):
        read(text.replace("GS*BE", "GS*HS").replace("ST*834", "ST*270").replace("X220A1", "X279A1"))


# --- which day -----------------------------------------------------------------------------------------------


def dtp(text):
    return [dict(zip(("01", "02", "03"), one.split("*"), strict=True)) for one in text.split()]


PERIODS = [
    ("the plan's range", "291*RD8*20260101-20261231", "", ("20260101", "20261231")),
    ("the day it began", "291*D8*20260101", "", ("20260101", "")),
    ("eligibility before the plan", "356*D8*20260301 357*D8*20260930 291*RD8*20260101-20261231", "",
     ("20260301", "20260930")),
    ("an end of its own", "291*D8*20260101 349*D8*20260331", "", ("20260101", "20260331")),
    ("the benefit's own before the person's", "348*D8*20260201", "346*D8*20260101 347*D8*20261231", ("20260201", "")),
    ("the person's where the benefit has none", "", "346*D8*20260101 347*D8*20261231", ("20260101", "20261231")),
    ("the day that was asked about", "307*RD8*20261101-20261101", "", ("", "")),
    ("a range of eligibility", "307*RD8*20261101-20261130", "", ("20261101", "20261130")),
    ("eligibility of the person, as asked", "", "307*RD8*20261101-20261130", ("", "")),
    ("a date of service", "472*D8*20261101", "472*RD8*20261101-20261102", ("", "")),
    ("nothing", "", "", ("", "")),
]  # fmt: skip


@pytest.mark.parametrize(("benefit", "person", "expected"), [p[1:] for p in PERIODS], ids=[p[0] for p in PERIODS])
def test_when_a_benefit_begins_and_ends(benefit, person, expected):
    assert period(dtp(benefit), dtp(person)) == expected


# --- what the maps make of it --------------------------------------------------------------------------------


def test_active_for_family_planning_is_not_full_medicaid(answer, maps):
    (record,) = answer(*PAYER, *JANE, "EB*1**82*MC", "EB*6**30*MC")
    assert [(p["status"], p["scope"], p["line"]) for p in slice_of(maps, record)["participations"]] == [
        ("eligible", "family-planning", "medicaid"), ("ended", "health-benefit-plan-coverage", "medicaid"),
    ]  # fmt: skip


@pytest.mark.parametrize(("code", "status"), [
    ("1", "eligible"), ("2", "enrolled"), ("3", "enrolled"), ("4", "enrolled"), ("5", "eligible"), ("6", "ended"),
    ("7", "pending"), ("8", "suspended"),
])  # fmt: skip
def test_the_status_of_a_benefit(answer, maps, code, status):
    (record,) = answer(*PAYER, *JANE, f"EB*{code}**30*MC")
    assert [p["status"] for p in slice_of(maps, record)["participations"]] == [status]


def test_an_inactive_answer_ends_what_an_active_one_began(answer, maps):
    def coverage(*segments):
        (record,) = answer(*PAYER, *JANE, *segments)
        return slice_of(maps, record)["participations"][0]

    began = coverage("EB*1**88^30*MC", "DTP*356*D8*20260101")
    ended = coverage("EB*6**30^88*MC", "DTP*356*D8*20260101", "DTP*357*D8*20261031")
    assert began["external_id"] == ended["external_id"]
    assert (ended["status"], ended["end"]) == ("ended", "2026-10-31")


SPANS = [
    # benefits of one insurance type and service type: what tells them apart, in any order
    (("EB*1**30*MC", "DTP*291*D8*20260101"), ("EB*6**30*MC", "DTP*291*RD8*20250101-20251231"), "/20250101"),
    (("EB*1**30*MC",), ("EB*6**30*MC",), "/2"),
    (("EB*6**30*MC", "DTP*291*RD8*20250601-20251231"), ("EB*6**30*MC", "DTP*291*RD8*20250101-20250331"), "/20250101"),
]


@pytest.mark.parametrize(("current", "past", "tail"), SPANS)
def test_spans_of_one_coverage_are_told_apart_by_their_begin(answer, current, past, tail):
    for order in ((current, past), (past, current)):
        (record,) = answer(*PAYER, *JANE, *(segment for benefit in order for segment in benefit))
        ids = [benefit["coverage_id"] for benefit in record.data["2100"]["2110"]]
        assert dict(zip(order, ids, strict=True)) == {current: "MD1/271/MC/30/", past: f"MD1/271/MC/30/{tail}"}


@pytest.mark.parametrize("code", ["A", "B", "C", "F", "G", "I", "L", "MC", "N", "R", "V", "Y"])
def test_what_describes_a_benefit_is_no_coverage(answer, maps, code):
    (record,) = answer(*PAYER, *JANE, f"EB*{code}**30*MC")
    assert "participations" not in slice_of(maps, record)


@pytest.mark.parametrize("where", [["AAA*N**75*C"], ["EB*V", "AAA*N**75*C"]])
def test_a_reject_is_noted_and_says_nothing_about_coverage(answer, maps, where):
    (record,) = answer(*PAYER, *JANE, *where)
    slice_ = slice_of(maps, record)
    assert "participations" not in slice_
    (note,) = slice_["activities"]
    assert (note["activity_kind"], note["code"]["code"], note["text"]) == ("note", "75", "Member not found")
    assert note["actual"] == {"start": "2026-11-01"}


def test_when_nobody_is_answered_about_the_reason_is_an_error(answer):
    (error,) = answer(*PAYER[:2], "AAA*Y**42*R")
    assert error.code == "CB-317"
    assert "42" in str(error)


def test_a_reject_above_people_who_are_answered_about_is_theirs_to_see(answer):
    found = answer(*PAYER[:2], "AAA*Y**42*R", *PAYER[2:], *JANE, "EB*1**30")
    assert [type(r) for r in found] == [Native]


ABOVE = [
    ("at the payer", [PAYER[0], "AAA*Y**42*R", *PAYER[1:]], "42"),
    ("at the asker", [*PAYER, "AAA*N**51*C"], "51"),
]


@pytest.mark.parametrize(("levels", "reason"), [a[1:] for a in ABOVE], ids=[a[0] for a in ABOVE])
@pytest.mark.parametrize("person", [JANE, [*MOTHER, *NOAH]], ids=["subscriber", "dependent"])
def test_a_reject_above_somebody_who_is_only_named_is_noted_on_them(answer, maps, levels, reason, person):
    (record,) = answer(*levels, *person)
    (note,) = slice_of(maps, record)["activities"]
    assert note["code"]["code"] == reason


def test_a_rejected_question_beside_an_answered_one_is_an_error(answer):
    second = [s.replace("HL*1**", "HL*11**").replace("HL*2*1*", "HL*12*11*") for s in PAYER]
    record, error = answer(*PAYER, *JANE, "EB*1**30", second[0], "AAA*Y**42*R", *second[1:])
    assert (record.external_id, error.code) == ("MD1", "CB-317")


STRANGERS = [
    # two people of whom the payer gives no number: name, birth
    ("another family", ("SMITH*JOHN", "19800101"), ("DOE*JOHN", "19800101")),
    ("born another day", ("SMITH*JOHN", "19800101"), ("SMITH*JOHN", "19800102")),
    ("nobody knows when they were born", ("SMITH*JOHN", ""), ("SMITH*JOHN", "")),
    ("without a given name", ("SMITH", "19800101"), ("SMITH", "19800101")),
]


@pytest.mark.parametrize(("one", "other"), [s[1:] for s in STRANGERS], ids=[s[0] for s in STRANGERS])
@pytest.mark.parametrize("level", ["22", "23"])
def test_people_without_a_number_are_not_one_by_half_a_name(answer, one, other, level):
    def asked(name, born, trace):
        birth = [f"DMG*D8*{born}"] if born else []
        if level == "22":
            return answer(*PAYER, "HL*3*2*22*0", f"TRN*2*{trace}*9C", f"NM1*IL*1*{name}", *birth, "AAA*N**75*C")
        mother = ["HL*3*2*22*1", "NM1*IL*1*BROWN*JANE", "HL*4*3*23*0", f"TRN*2*{trace}*9C"]
        return answer(*PAYER, *mother, f"NM1*03*1*{name}", *birth, "INS*N*19", "AAA*N**75*C")

    (first,), (second,) = asked(*one, "Q-1"), asked(*other, "Q-2")
    assert first.external_id != second.external_id
    (again,) = asked(*one, "Q-1")
    assert first.external_id == again.external_id


def test_the_same_name_and_birth_are_the_same_person_without_a_number(answer):
    def asked(trace):
        person = ["HL*3*2*22*0", f"TRN*2*{trace}*9C", "NM1*IL*1*SMITH*JOHN", "DMG*D8*19800101"]
        (record,) = answer(*PAYER, *person, "EB*1**30")
        return record.external_id

    assert asked("Q-1") == asked("Q-2")


def test_only_the_subscriber_is_linked_by_the_number(answer, maps):
    def scopes(*segments):
        (record,) = answer(*PAYER, *segments)
        return {i["scope"] for i in slice_of(maps, record)["person"]["identifiers"]}

    assert scopes(*JANE) == {"person"}
    assert scopes(*MOTHER, *NOAH) == {"household"}


def test_what_becomes_of_an_answer_is_what_the_case_model_takes(answer, maps):
    (record,) = answer(
        *PAYER, *JANE, "REF*SY*900190001", "N3*1 MAIN ST", "N4*ALBANY*NY*12207", "EB*1**30^XX*ZZ*PLAN", "AAA*N**62*C",
        "LS*2120", "NM1*P3*1*JONES*MARCUS****SV*0202034", "LE*2120", "EB*6**88",
    )  # fmt: skip
    slice_ = slice_of(maps, record)
    for kind, _, each in records_of(slice_):
        validate_record(kind, each)
    assert slice_["participations"][0]["scope"] == "health-benefit-plan-coverage, XX"


def test_the_schema_holds_what_is_read(answer):
    schema = NATIVES.element("271-eligibility", {}, None)
    record, *_ = answer(*PAYER, *MOTHER, *NOAH, "AAA*N**75*C", "EB*1**30", "LS*2120", "NM1*P3*1*X", "LE*2120", "MSG*HI")

    def places(element, value, path=""):
        for item in value if isinstance(value, list) else [value]:
            for key, child in item.items() if isinstance(item, dict) else ():
                yield f"{path}.{key}" if key not in element.fields else ""
                if key in element.fields:
                    yield from places(element.fields[key], child, f"{path}.{key}")

    assert set(places(schema, record.data)) == {""}


# --- the public samples --------------------------------------------------------------------------------------

SAMPLES = {
    "x12__demo.271": ("SMITH", "eligible"),
    "x12__dependent-health-benefit-check.271": ("SMITH", "eligible"),
    "apimeister__271_test.rs_1.edi": ("Patient Last Name", "eligible"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_read_whole(samples, read, maps, name):
    (record,) = read((samples / name).read_bytes())
    family, status = SAMPLES[name]
    slice_ = slice_of(maps, record)
    assert slice_["person"]["names"][0]["family"] == family
    assert {p["status"] for p in slice_["participations"]} == {status}
    assert "unknown" not in str(record.data)
    for kind, _, each in records_of(slice_):
        validate_record(kind, each)


@pytest.mark.parametrize(("name", "code"), [
    ("x12__subscriber-health-benefit-check-error.271", "CB-314"), ("node-x12__271.edi", "CB-311"),
    ("x12-parser__x271.txt", "CB-311"),
])  # fmt: skip
def test_samples_that_break_the_rules_say_how(samples, read, name, code):
    with pytest.raises(RecordError, match=code):
        read((samples / name).read_bytes())
