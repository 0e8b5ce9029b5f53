"""put, trap by trap: a line of a map, the partner's last original, a change of ours, and what it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import edited, lines, no_room, put, read

from casebridge.core.errors import CaseBridgeError, MapError

HIDDEN = {"absent": "withheld"}
DECLINED = {"absent": "asked-declined"}
SEX = "birth: {at: sex, codes: {rows: [[m, M], [f, F], [f, W], [absent:asked-declined, D]], otherwise: refuse}}"
NAMES = "names: {each: name, key: [use, family], fields: {use: use, family: family, given: given}}"
PHONES = "telecoms: {each: phone, key: n, fields: {value: n, use: t}}"
SPAN = "effective: {at: span, split: '-', fields: {start: {at: 1, as: date8}, end: {at: 2, as: date8}}}"
RACE = ("characteristics(code=race).value: {flags: {asian: A, black: B, white: W}, "
        "none: {at: N, codes: {rows: [[absent:not-asked, '99']], otherwise: refuse}}}")  # fmt: skip
ENDED = "status: {at: s, if_missing: {export: open}}\nbirth: {at: end, when: {status: [ended, closed]}}"


def race(*words: str) -> list[dict[str, Any]]:
    return [{"code": "race", "value": list(words)}]


TRAPS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # the line        the original                                 the change                       what it becomes
    ("birth: b", {"b": "1974", "x": {"y": [1]}}, {"birth": "1975"}, {"b": "1975", "x": {"y": [1]}}),
    ("birth: b", {"b": "1974", "x": "1"}, {"birth": None}, {"x": "1"}),
    ("birth: b", {"b": "1974", "x": "1"}, {"birth": DECLINED}, {"x": "1"}),
    ("birth: b", {"b": "1974", "x": "1"}, {"birth": HIDDEN}, {"b": "1974", "x": "1"}),
    ("birth: a.b.c", {"a": {"b": {"c": "1"}}, "x": "1"}, {"birth": None}, {"x": "1"}),
    ("birth: a.b.c", {"a": {"b": {"c": "1"}, "d": "2"}}, {"birth": None}, {"a": {"d": "2"}}),
    # codes: the partner's own stays while it means the same; else the preferred row
    (SEX, {"sex": "W"}, {"status": "x"}, {"sex": "W"}),
    (SEX, {"sex": "W"}, {"birth": "m"}, {"sex": "M"}),
    (SEX, {"sex": "M"}, {"birth": "f"}, {"sex": "F"}),
    (SEX, {"sex": "M"}, {"birth": DECLINED}, {"sex": "D"}),
    (SEX, {"sex": "M"}, {"birth": {"absent": "not-asked"}}, {}),
    # converters: an unchanged value keeps its spelling
    ("birth: {at: ssn, as: ssn}\nstatus: s", {"ssn": "999-01-0001", "s": "a"}, {"status": "b"},
     {"ssn": "999-01-0001", "s": "b"}),
    ("birth: {at: ssn, as: ssn}", {"ssn": "999-01-0001"}, {"birth": "999010002"}, {"ssn": "999010002"}),
    # also_read: kept where it stands; a change moves the value to the first place
    ("birth: {at: a, also_read: [b.c]}", {"b": {"c": "1"}}, {"status": "x"}, {"b": {"c": "1"}}),
    ("birth: {at: a, also_read: [b.c]}", {"b": {"c": "1", "d": "2"}}, {"birth": "3"}, {"a": "3", "b": {"d": "2"}}),
    ("birth: {at: a, also_read: [b]}", {"a": "1", "b": "9"}, {"birth": "3"}, {"a": "3", "b": "9"}),
    ("birth: {at: a, also_read: [b().c]}", {"b": [{"c": "1"}, {"c": "2"}]}, {"birth": "3"},
     {"a": "3", "b": [{"c": "1"}, {"c": "2"}]}),
    # with: the sibling constant comes and goes with the value
    ("birth: {at: NM.09, with: {'08': '34'}}", {"NM": {"08": "34", "09": "1", "03": "x"}}, {"birth": None},
     {"NM": {"03": "x"}}),
    ("birth: {at: NM.09, with: {'08': '34'}}", {"NM": {"08": "EI", "09": "7"}}, {"status": "x"},
     {"NM": {"08": "EI", "09": "7"}}),
    ("birth: {at: NM.09, with: {'08': '34'}}", {"NM": {"08": "EI", "09": "7"}}, {"birth": "1"},
     {"NM": {"08": "34", "09": "1"}}),
    # if_missing: what stands for nothing is written where a value stood
    ("birth: {at: b, if_missing: {export: '99'}}", {"b": "5", "s": "x"}, {"birth": None}, {"b": "99", "s": "x"}),
    ("birth: {at: b, if_missing: {export: '99'}}", {"s": "x"}, {"status": "x"}, {"s": "x"}),
    # split: only what changed is spelled anew
    (SPAN, {"span": "20200101-20200131"}, {"effective": {"start": "2020-01-02", "end": "2020-01-31"}},
     {"span": "20200102-20200131"}),
    (SPAN, {"span": "20200101-"}, {"status": "x"}, {"span": "20200101-"}),
    (SPAN, {"span": "20200101-20200131"}, {"effective": {"start": "2020-01-01"}}, {"span": "20200101"}),
    (SPAN, {"span": "20200101-20200131", "x": "1"}, {"effective": None}, {"x": "1"}),
    (SPAN, {"span": "20200101-20200131"}, {"effective": HIDDEN}, {"span": "20200101-20200131"}),
    (SPAN, {"span": "20200101-20200131"}, {"effective": {"start": HIDDEN, "end": "2020-02-01"}},
     {"span": "20200101-20200201"}),
    # flags: one that already says so keeps its spelling
    (RACE, {"A": "1", "B": "", "W": "0"}, {"status": "x"}, {"A": "1", "B": "", "W": "0"}),
    (RACE, {"A": "1", "B": "", "W": "0"}, {"characteristics": race("asian", "white")}, {"A": "1", "B": "", "W": "1"}),
    (RACE, {"A": "true", "W": "false"}, {"characteristics": race("white")}, {"A": "0", "W": "1"}),
    (RACE, {"A": "1", "B": "", "W": "0"}, {"characteristics": None}, {}),
    (RACE, {"A": "1", "W": "0"}, {"characteristics": [{"code": "race", "value": {"absent": "not-asked"}}]},
     {"A": "0", "W": "0", "N": "99"}),
    (RACE, {"A": "1", "W": "0"}, {"characteristics": [{"code": "race", "value": DECLINED}]}, {}),
    (RACE, {"A": "0", "W": "0", "N": "99"}, {"characteristics": race("asian")}, {"A": "1", "B": "0", "W": "0"}),
    (RACE, {"A": "1", "W": ""}, {"characteristics": HIDDEN}, {"A": "1", "W": ""}),
    # when: what no longer counts is erased; what never counted is left alone
    (ENDED, {"s": "ended", "end": "2020"}, {"status": "open", "birth": None}, {"s": "open"}),
    (ENDED, {"s": "ended", "end": "2020"}, {"status": "open"}, {"s": "open"}),
    (ENDED, {"s": "ended", "end": "2020"}, {"status": "closed"}, {"s": "closed", "end": "2020"}),
    (ENDED, {"s": "open", "end": "theirs"}, {"status": "new"}, {"s": "new", "end": "theirs"}),
    (ENDED, {"s": "ended", "end": "2020"}, {"status": HIDDEN}, {"s": "ended", "end": "2020"}),
    ("status: s\nbirth: {at: d, when: {status: a}}\n.: {in: d2, when: {status: b}, fields: {extra.d: x}}",
     {"s": "b", "d2": {"x": "1", "y": "2"}}, {"status": "a", "birth": "9"}, {"s": "a", "d": "9", "d2": {"y": "2"}}),
    # lists: order, spelling, what no line claims
    (PHONES, {"phone": [{"n": "1", "z": "k"}, {"n": "2"}]}, {"telecoms": [{"value": "2"}, {"value": "1"}]},
     {"phone": [{"n": "1", "z": "k"}, {"n": "2"}]}),
    (PHONES, {"phone": {"n": "1", "z": "k"}}, {"telecoms": [{"value": "1", "use": "home"}]},
     {"phone": {"n": "1", "z": "k", "t": "home"}}),
    (PHONES, {"phone": {"n": "1", "z": "k"}}, {"telecoms": [{"value": "1"}, {"value": "2"}]},
     {"phone": [{"n": "1", "z": "k"}, {"n": "2"}]}),
    (PHONES, {"phone": [{"n": "1", "z": "k"}]}, {"telecoms": HIDDEN}, {"phone": [{"n": "1", "z": "k"}]}),
    (PHONES, {"phone": [{"n": "1", "t": "home", "z": "k"}]}, {"telecoms": [{"value": "1", "use": HIDDEN}]},
     {"phone": [{"n": "1", "t": "home", "z": "k"}]}),
    # one key field: another value is another item, and nothing of the old one goes on to it
    (PHONES, {"phone": [{"n": "1", "z": "k"}]}, {"telecoms": [{"value": "2"}]}, {"phone": [{"n": "2"}]}),
    # a key of several fields, one of them changed: the item is edited, and what no line claims in it stays
    (NAMES, {"name": [{"use": "a", "family": "Ng", "given": ["A"], "id": "k"}]},
     {"names": [{"use": "a", "family": "Lim", "given": ["A"]}]},
     {"name": [{"use": "a", "family": "Lim", "given": ["A"], "id": "k"}]}),
    (NAMES, {"name": [{"use": "a", "family": "Ng", "given": ["A"], "id": "k"}]},
     {"names": [{"use": "a", "family": "Lim", "given": ["B"]}]},
     {"name": [{"use": "a", "family": "Lim", "given": ["B"]}]}),
    (NAMES, {"name": [{"use": "a", "family": "Ng", "id": "k"}]}, {"names": [{"family": "Ng"}]},
     {"name": [{"family": "Ng", "id": "k"}]}),
    (NAMES, {"name": [{"family": "Ng", "id": "k"}]}, {"names": [{"family": "Lim"}]}, {"name": [{"family": "Lim"}]}),
    (NAMES, {"name": [{"use": "a", "family": "Ng", "id": "k"}, {"use": "b", "family": "Ong", "id": "l"}]},
     {"names": [{"use": "a", "family": "Lim"}, {"use": "b", "family": "Tan"}]},
     {"name": [{"use": "a", "family": "Lim"}, {"use": "b", "family": "Tan"}]}),
    # plain texts
    ("labels: {each: tag, key: ., fields: {.: .}}", {"tag": ["R", "N"]}, {"labels": ["N", "V"]}, {"tag": ["N", "V"]}),
    ("names: {each: line, key: text, fields: {text: .}}", {"line": ["a", "b"]}, {"names": [{"text": "b"}]},
     {"line": ["b"]}),
    # a group that is the present place itself
    ("effective: {in: ., fields: {start: from, end: to}}", {"from": "1", "to": "2", "x": "k"},
     {"effective": {"start": "1"}}, {"from": "1", "x": "k"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "base", "change", "expected"), TRAPS)
def test_a_change_is_put(
    tmp_path: Path, line: str, base: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]
) -> None:
    the_map = lines(tmp_path, line)
    assert put(the_map, read(the_map, base), base) == base  # nothing changes when nothing changed
    assert edited(the_map, base, **change) == expected


def test_a_group_that_is_the_present_place_is_written_new(tmp_path: Path) -> None:
    text = "effective: {in: ., fields: {start: from}}\n.: {at: span, split: '/', fields: {birth: 1}}"
    the_map = lines(tmp_path, text)
    assert put(the_map, {"effective": {"start": "1"}, "birth": "2"}) == {"from": "1", "span": "2"}


def test_several_marks_between_parts_are_not_taken_from_the_end_of_a_part(tmp_path: Path) -> None:
    the_map = lines(tmp_path, "effective: {at: s, split: ', ', fields: {start: 1, end: 2}}")
    assert put(the_map, {"effective": {"start": "a,"}}) == {"s": "a,"}


def test_a_key_below_a_group_recognises_an_item(tmp_path: Path) -> None:
    the_map = lines(tmp_path, "names: {each: name, key: [family, period.start], fields: {family: family, "
                    "given: given, period: {in: period, fields: {start: start, end: end}}}}")  # fmt: skip
    base = {"name": [{"family": "A", "period": {"start": start}, "k": start} for start in ("1", "2")]}
    names = [{"family": "A", "period": {"start": "2"}, "given": ["x"]}]
    assert edited(the_map, base, names=names) == {"name": [
        {"family": "A", "period": {"start": "2"}, "k": "2", "given": ["x"]},
    ]}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "base", "change"),
    [
        (PHONES, {"phone": [{"n": "1", "z": "a"}, {"n": "1", "z": "b"}]}, {"telecoms": [{"value": "1"}]}),
        ("birth: name.family", {"name": [{"family": "A"}, {"family": "B"}]}, {"birth": None}),
        ("birth: id(s=x).v", {"id": [{"s": "x", "v": "1"}, {"s": "x", "v": "2"}]}, {"birth": DECLINED}),
        (NAMES, {"name": [{"use": "a", "family": "N", "z": "1"}, {"use": "a", "family": "N", "z": "2"}]},
         {"names": [{"use": "a", "family": "N"}, {"use": "a", "family": "L"}]}),
    ],
)  # fmt: skip
def test_nothing_is_taken_away_while_it_is_not_clear_what(
    tmp_path: Path, line: str, base: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(MapError, match="CB-209"):
        edited(lines(tmp_path, line), base, **change)


def test_a_part_that_holds_the_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseBridgeError, match="CB-301"):
        put(lines(tmp_path, "effective: {at: s, split: '-', fields: {start: 1}}"), {"effective": {"start": "1-2"}})


# --- room: a line that does not write ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "person", "base", "missing"),
    [
        # another line writes the place, and it holds the very value
        ("status: id\nbirth: {at: id, only: import}", {"status": "1", "birth": "1"}, None, []),
        ("status: id\nbirth: {at: id, only: import}", {"status": "1", "birth": "2"}, None, ["person.birth"]),
        ("status: id\nbirth: {at: id, only: import}", {"status": "2", "birth": "1"}, {"id": "1"}, ["person.birth"]),
        ("telecoms: {each: t, key: v, fields: {value: v}, only: import}",
         {"telecoms": [{"value": "1"}, {"value": "2"}]}, {"t": [{"v": "2"}]}, ["person.telecoms[0].value"]),
        ("names(use=a): {in: n, fields: {family: f, given: g}, only: import}",
         {"names": [{"use": "a", "family": "N", "given": ["x"]}]}, {"n": {"f": "N"}}, ["person.names[0].given[0]"]),
        ("subject: {at: s, link: person, only: import}", {"subject": {"kind": "person", "external_id": "P1"}},
         {"s": "P1"}, []),
        ("labels: {flags: {R: r, N: n}, only: import}", {"labels": ["N", "R"]}, {"r": "1", "n": "0"},
         ["person.labels[0]"]),
        ("deceased: {choose: [{case: {status: dead}, other: {d: present}, fields: {birth: d}}], only: import}",
         {"status": "dead", "birth": "1"}, {"d": "1"}, []),
    ],
)  # fmt: skip
def test_a_line_that_only_reads_has_room_where_its_place_holds_the_value(
    tmp_path: Path, line: str, person: dict[str, Any], base: dict[str, Any] | None, missing: list[str]
) -> None:
    assert no_room(lines(tmp_path, line), person, base) == missing


def test_a_nested_row_reads_the_record_round_it_and_never_writes_it(tmp_path: Path) -> None:
    the_map = lines(tmp_path, "status: id\nnames: {each: row, key: text, fields: {text: t, family: ^.id}}")
    base = {"id": "E1", "row": [{"t": "a"}]}
    assert read(the_map, base)["names"] == [{"text": "a", "family": "E1"}]
    person = {"status": "E1", "names": [{"text": "a", "family": "E1"}, {"text": "b", "family": "E1"}]}
    assert put(the_map, person, base) == {"id": "E1", "row": [{"t": "a"}, {"t": "b"}]}
    assert no_room(the_map, person) == []
    person["names"][1]["family"] = "E2"
    assert put(the_map, person) == {"id": "E1", "row": [{"t": "a"}, {"t": "b"}]}
    assert no_room(the_map, person) == ["person.names[1].family"]


@pytest.mark.parametrize("nothing", [None, "", {}, []])
def test_an_item_that_says_nothing_is_no_item_whatever_stands_for_a_missing_value(tmp_path: Path, nothing: Any) -> None:
    the_map = lines(tmp_path, "names: {each: l, key: text, fields: {text: {at: c, if_missing: {import: und}}, use: p}}")
    base = {"l": [nothing, {"p": "home"}]}
    found = read(the_map, base)
    assert found == {"names": [{"text": "und", "use": "home"}]}
    assert put(the_map, found, base) == base
