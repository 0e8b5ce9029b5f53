"""Bad maps: each is refused with its own message, which says where and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.core.errors import MapError
from casebridge.mapping import load_map

HEAD = "map: t/m\ncase: person\nother: t/T\n"

BAD: list[tuple[str, str, str, int]] = [
    # the map after its head (lines 1 to 3)                               code      the message holds            line
    ("fields: {birth: dob, birth: day}", "CB-204", "already written in line 4", 4),
    ("feilds: {birth: dob}", "CB-203", "did you mean `fields`", 4),
    ("fields:\n  names: {each: name, keys: family, fields: {}}", "CB-203", "did you mean `key`", 5),
    ("fields:\n  names: {each: name, fields: {family: family}}", "CB-207", "has no `key`", 5),
    ("fields:\n  names: {each: name, key: famly, fields: {family: family}}", "CB-202", "did you mean `family`", 5),
    ("fields:\n  names:\n    each: name[0]\n    key: a\n    fields: {family: a}", "CB-202", "positions such as [0]", 6),
    ("fields:\n  birth: name(use=official", "CB-202", "`)` or `&` is expected", 5),
    ("fields:\n  birth: name(use=official)", "CB-202", "say which field", 5),
    ("fields:\n  birth: name(use=$ofical).x\nnames: {official: o}", "CB-202", "`$ofical` is not one of", 5),
    ("fields:\n  birth: name(use:prsent).x", "CB-202", "present | absent", 5),
    ("fields:\n  birth: a..b", "CB-202", "a field name is expected", 5),
    ("fields:\n  birth: {at: dob, in: x}", "CB-201", "this one has `at` and `in`", 5),
    ("fields:\n  birth: {codes: sex}", "CB-201", "none of them", 5),
    ("fields:\n  birth: {at: dob, as: dat8}", "CB-203", "did you mean `date8`", 5),
    ("fields:\n  birth: {at: dob, codes: sx}\ncodes: {sex: {rows: [[a, b]], otherwise: keep}}", "CB-203",
     "did you mean `sex`", 5),
    ("fields:\n  birth: {at: dob, link: persn}", "CB-203", "did you mean `person`", 5),
    ("fields:\n  birth: {at: dob, only: imports}", "CB-203", "did you mean `import`", 5),
    ("fields:\n  birth: {at: dob, required: yes}", "CB-203", "both | import | export", 5),
    ("fields:\n  birth: {at: dob, link: person, as: ssn}", "CB-203", "`link` stands alone", 5),
    ("fields:\n  birth: {choose: [{case: {birth: b}, fields: {birth: c}}]}", "CB-201", "a branch needs `other`", 5),
    ("fields:\n  birth: {at: x, split: '-', fields: {start: first}}", "CB-201", "the number of a part", 5),
    ("fields: {birth: dob}\ncodes: {sex: {rows: [[a, b]]}}", "CB-201", "must say what happens", 5),
    ("fields: {birth: dob}\ncodes: {sex: {rows: [[a]], otherwise: keep}}", "CB-201", "[case, other]", 5),
    ("fields: {birth: dob}\ncodes: {sex: {rows: [[a, b], [a, b]], otherwise: keep}}", "CB-204", "already written", 5),
    ("fields: {birth: dob}\ncodes: {sex: {rows: [[a, b, exprt]], otherwise: keep}}", "CB-203", "import | export", 5),
    ("fields: {birth: dob}\ncodes: {sex: {rows: [[absent:unknown, b]], otherwise: keep}}", "CB-203", "no reason", 5),
    ("fields: {birth: dob}\ncodes: {sex: {file: ../../etc/passwd, otherwise: keep}}", "CB-201", "without `..`", 5),
    ("fields: {birth: dob}\ncodes: {sex: {file: none.csv, otherwise: keep}}", "CB-201", "not in the map's folder", 5),
    ("fields: {birth: dob}\nrest: drop", "CB-203", "keep | report | refuse", 5),
    ("fields: {birth: dob}\nbase: no/such", "CB-201", "is not found", 5),
    ("fields: {birth: &a dob}", "CB-201", "anchors and aliases", 4),
    ("fields: {birth: !!int 3}", "CB-201", "tags", 4),
    ("fields: {birth: name[use=official].family}", "CB-201", "not YAML", 4),
    ("fields: " + "[" * 50 + "]" * 50, "CB-201", "levels deep", 4),
    ("fields: {birth: dob}\nexamples: [{case: {}}]", "CB-201", "an example needs `other`", 5),
    ("fields: {birht: dob}", "CB-202", "did you mean `birth`", 4),
    ("fields:\n  names: {each: name, key: family, fields: {famly: family}}", "CB-202", "did you mean `family`", 5),
    ("fields: {names.family: family}", "CB-202", "is a list", 4),
    ("fields:\n  birth:dob", "CB-201", "Put a space after the colon", 5),
    ("fields:\n  - birth", "CB-201", "Write `name: value`", 5),
    ("fields: {birth: }", "CB-201", "Write it after the colon", 4),
    ("fields: {birth.year: dob}", "CB-202", "has no fields", 4),
    ("fields: {birth: name(^.use=official).x}", "CB-202", "a selector looks at the item itself", 4),
    ("fields:\n  birth: {at: x, when: {^.status: active}}", "CB-202", "`when` looks at the present place", 5),
    ("fields: {birth: dob}\nmatch: {.: x}", "CB-202", "`match` looks at a field", 5),
    ("fields:\n  labels: {each: l, key: ., fields: {code: {at: ., with: {k: x}}}}", "CB-203", "beside a field", 5),
    ("fields:\n  birth: {at: dob, also_read: x(a=b)}", "CB-202", "say which field", 5),
    ("fields:\n  names:\n    flags:\n      asian: x(k=a)", "CB-202", "say which field", 7),
    ("fields:\n  names: {each: n, key: a, fields: {^.birth: x, family: a}}", "CB-202", "where import cannot write", 5),
    ("fields:\n  birth: {each: dob, key: a, fields: {a: a}}", "CB-202", "is not a list", 5),
    ("fields: {birth: dob}\ndefaults: {export: {codes(): a}}", "CB-202", "say which field", 5),
    ("fields: {birth: dob}\ndefaults: {import: {names(use=official): a}}", "CB-202", "say which field", 5),
    ("fields:\n  names().given: []", "CB-201", "the list of places of `names().given` is empty", 5),
    ("fields:\n  names().given: {at: []}", "CB-201", "is empty", 5),
    ("fields:\n  characteristics(code=race).value: {flags: {}}", "CB-201", "`flags` is empty", 5),
    ("fields:\n  birth: {at: b, when: {status: []}}", "CB-201", "the list of values of `status` is empty", 5),
    ("fields:\n  birth: {at: b, with: {T: []}}", "CB-201", "the list of values of `T` is empty", 5),
    ("fields: {birth: b}\nmatch: {t: []}", "CB-201", "the list of values of `t` is empty", 5),
    ("fields: {birth: b}\nwhen: {status: []}", "CB-201", "the list of values of `status` is empty", 5),
    ("fields:\n  x: {choose: [{case: {status: []}, other: {a: b}, fields: {}}]}", "CB-201", "is empty", 5),
    ("fields:\n  birth: {at: b, also_read: []}", "CB-201", "`also_read` is empty", 5),
    ("fields:\n  asserted_by: {at: b, link: {}}", "CB-201", "`link` is empty", 5),
    ("fields:\n  telecoms: {each: t, key: [], fields: {value: v}}", "CB-201", "`key` is empty", 5),
    ("fields:\n  birth: .", "CB-202", "is the whole record", 5),
    ("fields: {birth: b}\nshape: {parents: [a]}", "CB-201", "`parents` must be keys and values", 5),
    ("fields: {birth: b}\nshape: {parents: {a: b}}", "CB-201", "the parent `a` must be keys and values", 5),
    ("loss: because\nfields: {birth: b}", "CB-203", "`loss` is not a word of a map", 4),
    ("fields:\n  effective: {at: s, split: '-', fields: {start: 1, end: 99999999}}", "CB-201", "up to 99", 5),
    ("fields:\n  effective: {at: s, split: '-', fields: {start: 1, end: '²'}}", "CB-201", "up to 99", 5),
    ("fields:\n  effective: {at: s, split: '-', fields: {start: '01'}}", "CB-201", "up to 99", 5),
    ("fields:\n  effective: {at: s, split: '-', fields: {start: 1, end: 3}}", "CB-201", "part 2 of the text", 5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message", "line"), BAD)
def test_a_bad_map_is_refused(tmp_path: Path, text: str, code: str, message: str, line: int) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(HEAD + text + "\n")
    with pytest.raises(MapError) as caught:
        load_map(path)
    assert caught.value.code == code
    assert message in str(caught.value)
    assert caught.value.line == line
    assert f"bad.yaml:{line}:" in str(caught.value)


def test_the_column_is_that_of_the_mistake(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(HEAD + "fields:\n  birth: a.b(c=d).!\n")
    with pytest.raises(MapError) as caught:
        load_map(path)
    assert (caught.value.line, caught.value.column) == (5, 19)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"", "a map starts with"),
        (b"- a\n- b\n", "a map starts with"),
        (b"x" * (1024 * 1024 + 1), "larger than"),
        (b"map: a\nother: b\nfields: {}\n", "needs `case:`"),
        (b"map: a\ncase: []\nother: b\nfields: {}\n", "`case` is empty"),
        (b"map: a\ncase: persn\nother: b\nfields: {}\n", "did you mean `person`"),
        (b"a: b\n---\nc: d\n", "not YAML"),
    ],
)
def test_a_file_that_is_no_map(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(data)
    with pytest.raises(MapError, match=message):
        load_map(path)


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="CB-201"):
        load_map(tmp_path / "nothing.yaml")


def test_scalars_are_text(tmp_path: Path) -> None:
    """YAML would make 2300 a number, 001 a one and no a False."""
    path = tmp_path / "map.yaml"
    path.write_text(HEAD + "fields: {birth: 2300(01=001).no}\n")
    assert load_map(path).read({"2300": [{"01": "001", "no": "1974"}]}).slice == {"person": {"birth": "1974"}}
