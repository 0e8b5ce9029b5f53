"""The words of the mapping language, one small table each: a line of a map, and what it does both ways."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from casebridge.core.errors import Held, MapError, RecordError
from casebridge.mapping import Map, OwnIds, load_map

HEAD = "map: test/person\ncase: person\nother: test/Thing\n"


def a_map(folder: Path, text: str, head: str = HEAD) -> Map:
    path = folder / "map.yaml"
    path.write_text(head + text, encoding="utf-8")
    return load_map(path)


def a_line(folder: Path, line: str, more: str = "") -> Map:
    return a_map(folder, f"fields:\n  {line}\n{more}")


BOTH_WAYS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    # the line                                                       the other side                the case side
    ("birth: birthDate", {"birthDate": "1974-12"}, {"birth": "1974-12"}),
    ("birth: a.b.c", {"a": {"b": {"c": "1974"}}}, {"birth": "1974"}),
    ("birth: DTP(01=348 & 02=D8).03", {"DTP": [{"01": "348", "02": "D8", "03": "1974"}]}, {"birth": "1974"}),
    ("birth: N(01=IL|74).03", {"N": [{"01": "IL", "03": "1974"}]}, {"birth": "1974"}),
    ('birth: LS(01=2700).LX.N1(01=75 & 02="AID CAT CODE").04',
     {"LS": [{"01": "2700", "LX": {"N1": [{"01": "75", "02": "AID CAT CODE", "04": "1"}]}}]}, {"birth": "1"}),
    ("sexes(kind=administrative).value: gender", {"gender": "male"},
     {"sexes": [{"kind": "administrative", "value": "male"}]}),
    ("names().family: last", {"last": "Ng"}, {"names": [{"family": "Ng"}]}),
    ("birth: code.coding().code", {"code": {"coding": [{"code": "x"}]}}, {"birth": "x"}),
    ("birth: Date of birth", {"Date of birth": "1974"}, {"birth": "1974"}),
    ("birth: '\"Born (y/m/d)\"'", {"Born (y/m/d)": "1974"}, {"birth": "1974"}),
    ("names().given: [First, Middle]", {"First": "Ada", "Middle": "M"}, {"names": [{"given": ["Ada", "M"]}]}),
    ("names().given: [First, Middle]", {"First": "Ada"}, {"names": [{"given": ["Ada"]}]}),
    ("birth: {at: dob, as: date8}", {"dob": "19741225"}, {"birth": "1974-12-25"}),
    ("effective: {in: span, fields: {start: from, end: to}}", {"span": {"from": "2020"}},
     {"effective": {"start": "2020"}}),
    ("subject: {at: for.reference, link: person}", {"for": {"reference": "Patient/1"}},
     {"subject": {"kind": "person", "external_id": "Patient/1"}}),
    ("subject: {at: who, link: {Patient: person, Practitioner: worker}}", {"who": "Practitioner/7"},
     {"subject": {"kind": "worker", "external_id": "Practitioner/7"}}),
    ("birth: {at: NM.09, with: {'08': '34'}}", {"NM": {"09": "999", "08": "34"}}, {"birth": "999"}),
    ("birth: {at: a, also_read: [b]}", {"a": "1974"}, {"birth": "1974"}),
    ("effective: {at: span, split: '-', fields: {start: {at: 1, as: date8}, end: {at: 2, as: date8}}}",
     {"span": "20200101-20200131"}, {"effective": {"start": "2020-01-01", "end": "2020-01-31"}}),
    ("labels: {flags: {SUD: sud, HIV: hiv}}", {"sud": "1", "hiv": "0"}, {"labels": ["SUD"]}),
    ("telecoms: {each: phone, key: n, fields: {value: n}}", {"phone": [{"n": "1"}, {"n": "2"}]},
     {"telecoms": [{"value": "1"}, {"value": "2"}]}),
    ("labels: {each: security, key: code, fields: {.: code}}", {"security": [{"code": "R"}]}, {"labels": ["R"]}),
    ("names: {each: line, key: text, fields: {text: .}}", {"line": ["a", "b"]},
     {"names": [{"text": "a"}, {"text": "b"}]}),
    ("identifiers: {each: id(system=s), key: v, fields: {value: v}}", {"id": [{"system": "s", "v": "1"}]},
     {"identifiers": [{"value": "1"}]}),
    (".: {in: inner, fields: {birth: dob}}", {"inner": {"dob": "1974"}}, {"birth": "1974"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "other", "case"), BOTH_WAYS)
def test_a_line_reads_and_writes(tmp_path: Path, line: str, other: dict[str, Any], case: dict[str, Any]) -> None:
    the_map = a_line(tmp_path, line)
    read = the_map.read(other)
    assert read.slice == {"person": case}
    assert read.left_over == []
    written = the_map.write({"person": case}, OwnIds())
    assert written.data == other
    assert written.no_room == []
    assert the_map.write({"person": case}, OwnIds(), other).data == other


def test_names_stand_for_long_addresses(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: coding(system=$s).code", 'names: {s: "http://s"}\n')
    assert the_map.write({"person": {"birth": "x"}}, OwnIds()).data == {"coding": [{"system": "http://s", "code": "x"}]}


def test_presence_picks_an_item(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: id(old:absent & system:present).value")
    other = {"id": [{"old": "y", "system": "s", "value": "1"}, {"value": "2"}, {"system": "s", "value": "3"}]}
    assert the_map.read(other).slice == {"person": {"birth": "3"}}


def test_a_plain_step_on_a_list_takes_the_first_and_says_so(tmp_path: Path) -> None:
    read = a_line(tmp_path, "birth: name.family").read({"name": [{"family": "A"}, {"family": "B"}]})
    assert read.slice == {"person": {"birth": "A"}}
    assert read.notes == ["name.family: 2 items where one is expected; the first is used"]
    assert read.left_over == ["name[1].family"]


def test_a_selector_looks_at_a_single_group_too(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: REF(01=0F).02")
    assert the_map.read({"REF": {"01": "0F", "02": "9"}}).slice == {"person": {"birth": "9"}}
    assert the_map.read({"REF": {"01": "1L", "02": "9"}}).slice == {}


def test_the_parent_of_a_nested_row(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "relations: {each: row, key: n, fields: {role: n, authority: ^.house}}")
    other = {"house": "H", "row": [{"n": "1"}]}
    read = the_map.read(other)
    assert read.slice == {"person": {"relations": [{"role": "1", "authority": "H"}]}}
    assert the_map.write(read.slice, OwnIds(), other).data == other
    read.slice["person"]["relations"][0]["authority"] = "other"
    assert the_map.write(read.slice, OwnIds(), other).no_room == ["person.relations[0].authority"]


# --- codes -----------------------------------------------------------------------------------------------------

CODES = """codes:
  sex:
    rows:
      - [male, M]
      - [female, F]
      - [female, W]
      - [absent:asked-unknown, U]
      - [absent:asked-declined, D]
      - [questioning, F, export]
      - [male, Mr, import]
    otherwise: OTHERWISE
"""


def sexes(folder: Path, otherwise: str = "refuse") -> Map:
    return a_line(folder, "birth: {at: sex, codes: sex}", CODES.replace("OTHERWISE", otherwise))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("M", "male"), ("F", "female"), ("W", "female"), ("Mr", "male"), ("U", {"absent": "asked-unknown"})],
)
def test_codes_read(tmp_path: Path, theirs: str, ours: Any) -> None:
    the_map = sexes(tmp_path)
    assert the_map.read({"sex": theirs}).slice == {"person": {"birth": ours}}
    assert the_map.write({"person": {"birth": ours}}, OwnIds(), {"sex": theirs}).data == {"sex": theirs}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("male", "M"), ("female", "F"), ("questioning", "F"), ({"absent": "asked-declined"}, "D")],
)
def test_codes_write_their_first_row(tmp_path: Path, ours: Any, theirs: str) -> None:
    assert sexes(tmp_path).write({"person": {"birth": ours}}, OwnIds()).data == {"sex": theirs}


def test_a_service_or_state_of_the_case_model_without_a_row_is_shown(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="the code `food-pantry` at"):
        sexes(tmp_path).write({"person": {"birth": "food-pantry"}}, OwnIds())
    with pytest.raises(MapError, match="the code `entered-in-error` at"):
        sexes(tmp_path).write({"person": {"birth": "entered-in-error"}}, OwnIds())
    with pytest.raises(MapError, match="the code aaaaaaaa-aaaaaaa-aaa… at"):  # what somebody lives through
        sexes(tmp_path).write({"person": {"birth": "intimate-partner-violence"}}, OwnIds())
    with pytest.raises(MapError, match="the code aaaa-aaaaaaaaaa at"):  # what a partner wrote may be anything
        sexes(tmp_path).read({"sex": "food-insecurity"})


def test_an_unlisted_code_is_refused_with_the_place_to_mend_and_no_value(tmp_path: Path) -> None:
    with pytest.raises(MapError) as caught:
        sexes(tmp_path).read({"sex": "Xylo"})
    assert caught.value.code == "CB-205"
    assert caught.value.line == 5
    assert "Aaaa" in str(caught.value)
    assert "Xylo" not in str(caught.value)
    assert "add a row for it to `sex`" in caught.value.remedy
    assert "in an overlay of your own (in" in caught.value.remedy
    assert "with `import` as its third cell" in caught.value.remedy
    assert "ask the partner to correct the record" in caught.value.remedy


@pytest.mark.parametrize(
    ("codes", "value", "told"),
    [
        ("M|F", "X", "`X`"),  # of the form of the table's own codes
        ("1|99", "37", "`37`"),
        ("asked|active", "ended", "`ended`"),
        ("HLT|DEN", "VIS", "`VIS`"),
        ("M|F", "LEE", "AAA"),  # longer than any of them: it may be a name that slid into the column
        ("HLT|DEN", "SMITH", "AAAAA"),
        ("1|99", "999010001", "999999999"),
        ("1|99", "Smith", "Aaaaa"),
        ("20260101|20260102", "19741225", "99999999"),  # a date of birth has the form of these codes
        ("active", "maria smith", "aaaaa aaaaa"),
        ("active", "a\x1bb", "a·a"),
    ],
)
def test_an_unlisted_code_is_told_where_it_is_plainly_a_code(
    tmp_path: Path, codes: str, value: str, told: str
) -> None:
    rows = ", ".join(f"[c{i}, '{code}']" for i, code in enumerate(codes.split("|")))
    the_map = a_line(tmp_path, f"birth: {{at: s, codes: {{rows: [{rows}], otherwise: refuse}}}}")
    with pytest.raises(MapError, match=f"the code {re.escape(told)} at `s`"):
        the_map.read({"s": value.replace("\\x1b", "\x1b")})


def test_an_unlisted_code_may_be_kept_or_reported(tmp_path: Path) -> None:
    kept = sexes(tmp_path, "keep")
    assert kept.read({"sex": "X"}).slice == {"person": {"birth": "X"}}
    assert kept.write({"person": {"birth": "X"}}, OwnIds()).data == {"sex": "X"}
    reported = sexes(tmp_path, "report")
    assert reported.read({"sex": "X"}).slice == {}
    assert reported.read({"sex": "X"}).left_over == ["sex"]
    assert reported.write({"person": {"birth": "X"}}, OwnIds()).no_room == ["person.birth"]


def test_codes_from_a_file_that_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "sex.csv").write_text(
        "# from the code book, 2026\ncase,other,way,about\nmale,1,,\nfemale,0,,\nfemale,2,import,old files\n"
    )
    the_map = a_line(tmp_path, "birth: {at: s, codes: {file: codes/sex.csv, otherwise: refuse}}")
    assert the_map.read({"s": "2"}).slice == {"person": {"birth": "female"}}
    assert the_map.write({"person": {"birth": "female"}}, OwnIds()).data == {"s": "0"}
    before = the_map.digest
    (tmp_path / "codes" / "sex.csv").write_text("case,other\nmale,1\n")
    assert load_map(tmp_path / "map.yaml").digest != before


def test_true_and_false_without_quotes_are_booleans(tmp_path: Path) -> None:
    rows = "{rows: [[true, '1'], [false, '0'], [absent:asked-unknown, '8']], otherwise: refuse}"
    the_map = a_line(tmp_path, "deceased: {at: dead, codes: " + rows + "}")
    assert the_map.read({"dead": "1"}).slice == {"person": {"deceased": True}}
    assert the_map.write({"person": {"deceased": False}}, OwnIds()).data == {"dead": "0"}


# --- flags, choose, when, defaults, required --------------------------------------------------------------------

RACE = "characteristics(code=race).value: {flags: {asian: Asian, white: White}, none: {at: RaceNone, codes: n}}"
RACE_NONE = "codes: {n: {rows: [[absent:asked-unknown, '8'], [absent:not-asked, '99']], otherwise: refuse}}\n"


@pytest.mark.parametrize(
    ("race", "other"),
    [
        (["asian", "white"], {"Asian": "1", "White": "1"}),
        (["white"], {"Asian": "0", "White": "1"}),
        ({"absent": "asked-unknown"}, {"Asian": "0", "White": "0", "RaceNone": "8"}),
    ],
)
def test_flags_and_none(tmp_path: Path, race: Any, other: dict[str, Any]) -> None:
    the_map = a_line(tmp_path, RACE, RACE_NONE)
    person = {"characteristics": [{"code": "race", "value": race}]}
    assert the_map.read(other).slice == {"person": person}
    assert the_map.write({"person": person}, OwnIds()).data == other
    before = {"Asian": "1", "White": "0", "x": "kept"}
    assert the_map.write({"person": person}, OwnIds(), before).data == {**other, "x": "kept"}


def test_a_word_without_a_flag_has_no_room(tmp_path: Path) -> None:
    written = a_line(tmp_path, RACE, RACE_NONE).write(
        {"person": {"characteristics": [{"code": "race", "value": ["white", "martian"]}]}}, OwnIds()
    )
    assert written.no_room == ["person.characteristics[0].value[1]"]


DECEASED = """deceased:
    choose:
      - {case: {deceased: boolean}, other: {flag: present}, fields: {deceased: flag}}
      - {case: {deceased: moment}, other: {when: present}, fields: {deceased: when}}"""


@pytest.mark.parametrize(
    ("case", "other"), [({"deceased": True}, {"flag": True}), ({"deceased": "2020-01"}, {"when": "2020-01"})]
)
def test_choose(tmp_path: Path, case: dict[str, Any], other: dict[str, Any]) -> None:
    the_map = a_line(tmp_path, DECEASED)
    assert the_map.read(other).slice == {"person": case}
    assert the_map.write({"person": case}, OwnIds()).data == other
    for before in ({"flag": True, "x": "1"}, {"when": "1999", "x": "1"}):
        assert the_map.write({"person": case}, OwnIds(), before).data == {**other, "x": "1"}


RESULT = """birth: {at: Event, codes: {rows: [[shelter, "10"], [outreach, "1"]], otherwise: refuse}}
  result:
    choose:
      - {case: {extra.answer: given}, other: {Result: "1", Event: ["10"]}, fields: {extra.at: Day}}
      - {case: {extra.answer: refused}, other: {Result: "2", Event: ["10"]}, fields: {extra.at: Day}}"""


def test_a_branch_writes_its_constants_but_not_over_another_line(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, RESULT)
    case = {"birth": "shelter", "extra": {"answer": "refused", "at": "2026-01-02"}}
    assert the_map.write({"person": case}, OwnIds()).data == {"Event": "10", "Result": "2", "Day": "2026-01-02"}
    written = the_map.write({"person": {**case, "birth": "outreach"}}, OwnIds())
    assert written.data == {"Event": "1"}
    assert written.no_room == ["person.extra.answer", "person.extra.at"]


def test_when_a_line_counts(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "status: status\n  birth: {at: end, when: {status: [ended, closed]}}")
    assert the_map.read({"status": "ended", "end": "2020"}).slice == {"person": {"status": "ended", "birth": "2020"}}
    assert the_map.read({"status": "open", "end": "2020"}).slice == {"person": {"status": "open"}}
    assert the_map.read({"status": "open", "end": "2020"}).left_over == ["end"]
    assert the_map.write({"person": {"status": "open", "birth": "2020"}}, OwnIds()).no_room == ["person.birth"]


def test_only_one_way(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: {at: a, only: import}\n  status: {at: b, only: export}")
    assert the_map.read({"a": "1", "b": "2"}).slice == {"person": {"birth": "1"}}
    assert the_map.read({"a": "1", "b": "2"}).left_over == []
    written = the_map.write({"person": {"birth": "1", "status": "2"}}, OwnIds())
    assert written.data == {"b": "2"}
    assert written.no_room == ["person.birth"]
    assert the_map.write({"person": {"birth": "1"}}, OwnIds(), {"a": "1"}).no_room == []


def test_required(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: {at: dob, required: both}\n  status: s")
    with pytest.raises(RecordError, match="CB-302"):
        the_map.read({"s": "x"})
    with pytest.raises(RecordError, match="CB-302"):
        the_map.write({"person": {"status": "x"}}, OwnIds())
    with pytest.raises(Held, match="CB-505"):
        the_map.write({"person": {"birth": {"absent": "withheld"}}}, OwnIds())
    with pytest.raises(RecordError, match="CB-302"):  # it would be taken away
        the_map.write({"person": {"status": "x"}}, OwnIds(), {"dob": "1974"})
    theirs = the_map.write({"person": {"status": "x"}}, OwnIds(), {"s": "y", "z": "1"})
    assert theirs.data == {"s": "x", "z": "1"}  # it was never there: their record is as good as it was
    kept = the_map.write({"person": {"birth": {"absent": "withheld"}}}, OwnIds(), {"dob": "1974"})
    assert kept.data == {"dob": "1974"}


def test_if_missing(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: {at: b, if_missing: {import: unknown, export: '99'}}\n  status: s")
    assert the_map.read({"s": "x"}).slice == {"person": {"birth": "unknown", "status": "x"}}
    assert the_map.write({"person": {"status": "x"}}, OwnIds()).data == {"b": "99", "s": "x"}
    assert the_map.write({"person": {"status": "x"}}, OwnIds(), {"s": "y"}).data == {"s": "x"}
    assert the_map.write({"person": {"status": "x"}}, OwnIds(), {"s": "x", "b": "5"}).data == {"s": "x", "b": "99"}


def test_defaults_and_match_are_written_on_create(tmp_path: Path) -> None:
    more = "match: {type: thing}\ndefaults: {import: {extra.role: member}, export: {intent: order, alive: true}}\n"
    the_map = a_line(tmp_path, "birth: b", more)
    read = the_map.read({"type": "thing", "b": "1"})
    assert read.slice == {"person": {"birth": "1", "extra": {"role": "member"}}}
    assert read.left_over == []
    written = the_map.write(read.slice, OwnIds())
    assert written.data == {"type": "thing", "b": "1", "intent": "order", "alive": True}
    assert written.no_room == []
    assert the_map.write(read.slice, OwnIds(), {"type": "thing", "b": "2"}).data == {"type": "thing", "b": "1"}


def test_match(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: b", "match: {type: a|b, code.coding(system=s).code: [x, y], z: absent}\n")
    good = {"type": "b", "code": {"coding": [{"system": "s", "code": "y"}]}}
    assert the_map.matches(good)
    assert not the_map.matches({**good, "z": "1"})
    assert not the_map.matches({**good, "type": "c"})
    assert not the_map.matches({})


def test_also_read_goes_away_with_the_value(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: {at: a, also_read: [b]}")
    assert the_map.read({"b": "1"}).slice == {"person": {"birth": "1"}}
    assert the_map.write({"person": {"birth": "1"}}, OwnIds(), {"b": "1"}).data == {"b": "1"}
    assert the_map.write({"person": {"birth": "2"}}, OwnIds(), {"b": "1"}).data == {"a": "2"}
    assert the_map.write({"person": {}}, OwnIds(), {"a": "2", "b": "1", "c": "3"}).data == {"c": "3"}


def test_rest_and_ignore(tmp_path: Path) -> None:
    other = {"b": "1", "text": {"div": "x"}, "name": [{"text": "y"}, {"text": "z", "n": "1"}]}
    the_map = a_line(tmp_path, "birth: b", "ignore: [text, name.text]\n")
    assert the_map.read(other).left_over == ["name[1].n"]
    refusing = a_line(tmp_path, "birth: b", "rest: refuse\n")
    with pytest.raises(MapError, match=r"CB-210"):
        refusing.read(other)
    with pytest.raises(MapError, match=r"claims `Aaaa Aaa 9999-99-99`") as caught:
        refusing.read({"Jane Doe 1980-01-01": "x"})
    assert "Jane" not in str(caught.value)


def test_a_converter_refuses_without_showing_the_value(tmp_path: Path) -> None:
    with pytest.raises(RecordError) as caught:
        a_line(tmp_path, "birth: {at: dob, as: date8}").read({"dob": "19871399"})
    assert caught.value.code == "CB-301"
    assert "19871399" not in str(caught.value)
    assert "map.yaml:5" in str(caught.value)


# --- slots -----------------------------------------------------------------------------------------------------

SEVERAL = "map: t/m\ncase: [person, participations]\nother: t/T\n"


def test_with_several_slots_case_paths_begin_with_the_slot(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, "fields:\n  person.birth: dob\n  participations:\n    each: span\n    key: id\n"
                    "    fields: {external_id: id, entry: from}\ncomplete: [participations]\n", SEVERAL)  # fmt: skip
    other = {"dob": "1974", "span": [{"id": "1", "from": "2020"}, {"id": "2"}]}
    read = the_map.read(other).slice
    assert read == {"person": {"birth": "1974"}, "complete": ["participations"],
                    "participations": [{"external_id": "1", "entry": "2020"}, {"external_id": "2"}]}  # fmt: skip
    one = {"participations": read["participations"][:1]}
    assert the_map.write(one, OwnIds(), other).data == other  # not called complete: the other one stays
    ended = the_map.write({**one, "complete": ["participations"]}, OwnIds(), other)
    assert ended.data == {"dob": "1974", "span": [{"id": "1", "from": "2020"}]}  # and the person is not in the slice


def test_one_plural_slot(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, "fields: {entry: from}\n", "map: t/m\ncase: participations\nother: t/T\n")
    assert the_map.read({"from": "2020"}).slice == {"participations": [{"entry": "2020"}]}
    assert the_map.write({"participations": [{"entry": "2020"}]}, OwnIds()).data == {"from": "2020"}


def test_a_slot_that_is_not_in_the_slice_leaves_everything_as_is(tmp_path: Path) -> None:
    written = a_line(tmp_path, "birth: b").write({"need": {"domain": "food"}}, OwnIds(), {"b": "1"})
    assert written.data == {"b": "1"}
    assert written.no_room == ["need.domain"]


def test_the_stores_own_fields_need_no_room(tmp_path: Path) -> None:
    person = {"id": "1", "kind": "person", "version": 3, "external_id": "x", "birth": "1974", "labels": ["R"]}
    assert a_line(tmp_path, "birth: b").write({"person": person}, OwnIds()).no_room == ["person.labels[0]"]


def test_a_shared_parent_is_read_and_never_written(tmp_path: Path) -> None:
    shape = "shape: {root: Task, parents: {order: {type: ServiceRequest, follow: focus, owner: theirs}}}\n"
    the_map = a_line(tmp_path, "birth: order.code\n  status: status", shape)
    base = {"status": "a", "order": {"code": "x", "more": "y"}}
    read = the_map.read(base)
    assert read.slice == {"person": {"birth": "x", "status": "a"}}
    assert read.left_over == []
    assert the_map.write({"person": {"birth": "z", "status": "b"}}, OwnIds(), base).data == {**base, "status": "b"}
    assert the_map.write({"person": {"birth": "z"}}, OwnIds(), base).no_room == ["person.birth"]
    assert the_map.write({"person": {"birth": "x"}}, OwnIds(), base).no_room == []


def test_a_record_nested_without_end_is_refused(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "birth: b")
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"b": deep}
    for run in (lambda: the_map.read(deep), lambda: the_map.write({"person": {}}, OwnIds(), deep)):
        with pytest.raises(RecordError, match="CB-301"):
            run()


# --- lineage ---------------------------------------------------------------------------------------------------


def test_explain_names_the_line_and_the_place(tmp_path: Path) -> None:
    the_map = a_line(tmp_path, "names:\n    each: name\n    key: family\n    fields:\n      family: family\n"
                     "      period: {in: period, fields: {start: start}}\n  birth: dob")  # fmt: skip
    data = {"name": [{"family": "A"}, {"family": "B", "period": {"start": "2020"}}], "dob": "1974"}
    found = the_map.explain(data, "person.names[1].period.start")
    assert (found.other_path, found.line, found.found) == ("name[1].period.start", 10, True)
    assert the_map.explain(data, "person.names.family").other_path == "name[0].family"
    missing = the_map.explain({}, "person.birth")
    assert (missing.other_path, missing.line, missing.found) == ("dob", 11, False)
    assert the_map.explain(data, "person.nothing").line == 0
