"""Maps and code tables written to harm: they are refused at once, with a MapError, and run nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sites import TestSite, patient

from casebridge.core.errors import MapError, RecordError
from casebridge.mapping import Map, load_map, load_set
from casebridge.mapping.checking import check, tables
from casebridge.mapping.checking.checker import element_of
from casebridge.mapping.translate import OwnIds
from casebridge.plugins import load_plugins
from casebridge.store import maptexts

HEAD = "map: x/person\ncase: person\nother: test/person\n"
SMALL = HEAD + "fields: {birth: born}\n"
CODES = HEAD + "fields: {birth: {at: born, codes: {file: codes.csv, otherwise: keep}}}\n"


def loaded(folder: Path, text: str, name: str = "person.yaml") -> Map:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return load_map(file)


def code_for(path: Path) -> str:
    """A text that would make a file, if it ever ran."""
    return f"open({str(path)!r}, 'w')"


ROUND = [
    "{}",
    "'{}'",
    '"+{}+"',
    "'''+{}+'''",
    "\n{}\n",
    "\r{}\r",
    "\u2028{}\u2028",
    "\x85{}\x85",
    "{{{}}}",
    "\\",
    "\\'+{}#",
    "# \n{}",
    "*/{}",
    "__class__",
    "__init__.__globals__",
    "\x1c{}",
    "%({})s",
    "\xaa",
    "\u202e{}",
]
PLACES = """\
map: x/person
version: {about}
about: {about}
case: person
other: test/person
match: {{type: {value}}}
fields:
  birth: {path}
  names(use={value}).family:
    {{at: 'names(kind={value}).last', if_missing: {{import: {about}, export: {about}}}, loss: {about}}}
  sexes(kind=hud).value: {{at: sex, with: {{{path}: {about}}}, codes: {{otherwise: keep, rows: [[{about}, {about}]]}}}}
  names(use=usual).given: {{at: given, split: {about}, fields: [a]}}
ignore: [{path}.x]
defaults: {{export: {{{path}: {about}}}}}
examples:
  - {{about: {about}, case: {{person: {{birth: {about}}}}}, other: {{type: x, {about}: {about}}}}}
"""


def hostile_maps(said: str) -> Iterator[str]:
    """The text in every place where a text can stand, alone, so that no other place refuses it first."""
    quoted, innocent = json.dumps(said), {"about": "a", "value": "v", "path": "p"}
    key = json.dumps(f'"{said}"') if '"' not in said else quoted
    for place, hostile in (("about", quoted), ("path", key), ("path", quoted)):
        yield PLACES.format(**{**innocent, place: hostile})
    yield HEAD + f"fields:\n  birth: {key}\n"
    yield HEAD + f"fields:\n  birth: {{at: born, if_missing: {{import: {quoted}}}, loss: l}}\n"
    yield HEAD + f"fields:\n  birth: {{at: born, codes: {{otherwise: keep, rows: [[{quoted}, {quoted}]]}}}}\n"
    yield HEAD + f"match: {{type: {quoted}}}\nfields: {{birth: born}}\ndefaults: {{export: {{{key}: {quoted}}}}}\n"
    if '"' not in said:
        yield HEAD + "fields:\n  birth: " + json.dumps(f'list(a="{said}").b') + "\n"


@pytest.mark.parametrize("around", ROUND, ids=ascii)
def test_no_text_of_a_map_ever_runs(tmp_path, around):
    trap = tmp_path / "trap"
    for text in hostile_maps(around.format(code_for(trap)) if "{" in around else around):
        try:
            map_ = loaded(tmp_path, text)
        except MapError:
            continue
        map_.compiled_source()
        assert map_.compiled.why_not == {}
        map_.write(map_.read({"type": "v", "born": "2000"}).slice, OwnIds(), {"type": "v"})
        map_.run_examples()
    assert not trap.exists()


def test_a_name_cannot_smuggle_a_proof_for_another_map(tmp_path):
    for name in ("x\ny,0123", "x,y", "", "a" * 201, "a\x1b[2J"):
        with pytest.raises(MapError) as refused:
            loaded(tmp_path, SMALL.replace("x/person", json.dumps(name)))
        assert refused.value.code == "CB-201"


def test_what_python_cannot_compile_the_interpreter_does(tmp_path):
    path = ".".join("a" * 480)
    map_ = loaded(tmp_path, HEAD + f"fields: {{birth: {path}}}\n")
    assert "create" in map_.compiled_source()
    made = map_.write({"person": {"birth": "2000"}}, OwnIds()).data
    assert map_.read(made).slice == {"person": {"birth": "2000"}}
    assert map_.compiled.why_not["create"].startswith("more than Python compiles")


@pytest.mark.parametrize("name", ["person.yaml", "codes.csv"])
def test_a_pipe_or_a_device_is_no_map(tmp_path, name):
    (tmp_path / "set").mkdir()
    for other in {"person.yaml", "codes.csv"} - {name}:
        (tmp_path / "set" / other).write_text(CODES, encoding="utf-8")
    os.mkfifo(tmp_path / "set" / name)
    with pytest.raises(MapError):
        load_set("set", [tmp_path])
    (tmp_path / "set" / name).unlink()
    (tmp_path / "set" / name).symlink_to("/dev/zero")
    with pytest.raises(MapError):
        load_set("set", [tmp_path])


def test_a_code_table_too_large_or_not_csv_is_refused(tmp_path):
    for content in (b"case,other\n" + b"#" * 2**21, b"case,other\n" + b"x" * 200_000 + b",y\n", b"case,other\n\xff,x\n",
                    b"case,other\n" + b"".join(b"c%d,o%d\n" % (i, i) for i in range(5001))):  # fmt: skip
        (tmp_path / "codes.csv").write_bytes(content)
        with pytest.raises(MapError) as refused:
            loaded(tmp_path, CODES)
        assert refused.value.code == "CB-201"


@pytest.mark.parametrize(
    "text",
    [
        SMALL + "ignore: [" + "a," * 300_000 + "]\n",
        HEAD + "fields:\n" + "".join(f"  characteristics(code=x{i}).value: f{i}\n" for i in range(401)),
        SMALL + "match: {" + ", ".join(f"m{i}: v" for i in range(51)) + "}\n",
        SMALL + "ignore: [" + ", ".join(f"i{i}" for i in range(501)) + "]\n",
        SMALL + "examples: [" + "{case: {person: {birth: x}}, other: {born: x}}, " * 201 + "]\n",
        HEAD + "fields:\n  names:\n    choose:\n"
        + "".join(f"      - {{case: {{birth: c{i}}}, other: {{s: o{i}}}, fields: {{}}}}\n" for i in range(51)),
    ],
    ids=["nodes", "lines", "conditions", "ignored", "examples", "branches"],
)  # fmt: skip
def test_a_map_larger_than_the_checker_can_prove_is_refused(tmp_path, text):
    with pytest.raises(MapError) as refused:
        loaded(tmp_path, text)
    assert refused.value.code == "CB-201"


def test_a_long_code_table_is_looked_at_row_by_row(tmp_path, monkeypatch):
    """Each row was compared with every other once: a table of 5,000 rows stopped the bridge for minutes."""
    rows = ", ".join(f"[c{i}, o{i}]" for i in range(300))
    map_ = loaded(tmp_path, HEAD + f"fields: {{birth: {{at: b, codes: {{otherwise: refuse, rows: [{rows}]}}}}}}\n")
    looked, plain = [], tables.source
    monkeypatch.setattr(tables, "source", lambda row, way: looked.append(way) or plain(row, way))
    check(map_, None, runs=0)
    assert 300 < len(looked) < 300 * 50


def test_bases_that_go_round_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("base: b\n" + SMALL, encoding="utf-8")
    (tmp_path / "b.yaml").write_text("base: a\n" + SMALL, encoding="utf-8")
    for base in ("b", "a", "../a", "/etc/passwd", "~/a", "a/../../b"):
        with pytest.raises(MapError) as refused:
            loaded(tmp_path, f"base: {base}\n" + SMALL, "a.yaml")
        assert refused.value.code == "CB-201"


# --- while the bridge runs ---------------------------------------------------------------------------------------

MAP = (
    "map: sdohcc/patient\ncase: person\nother: fhir-r4/Patient\nmatch: {resourceType: Patient}\n"
    "fields: {birth: birthDate}\n"
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[TestSite]:
    folder = tmp_path / "mappings" / "sdohcc"
    folder.mkdir(parents=True)
    (folder / "patient.yaml").write_text(MAP, encoding="utf-8")
    made = TestSite(tmp_path)
    yield made
    made.bridge.close()


def hear(site: TestSite, id_: str) -> None:
    site.drop("hospital", f"{id_}.json", patient(id_))


def test_what_a_map_said_is_kept_though_its_file_is_gone(running):
    file = running.folder / "mappings" / "sdohcc" / "patient.yaml"
    watch, running.bridge.lanes.watch = running.bridge.lanes.watch, None  # the file changes after the look
    file.write_text(MAP.replace("birthDate", "gender"), encoding="utf-8")
    hear(running, "p1")
    file.unlink()
    hear(running, "p2")
    running.bridge.lanes.watch = watch
    first, second = running.messages(kind="fhir-r4/Patient")
    assert running.held() == []
    assert first.map_digest == second.map_digest
    with running.bridge.site.store.read() as c:
        assert maptexts.get(c, first.map_digest) == MAP


def test_the_text_of_an_overlay_has_its_base_and_its_codes(tmp_path):
    (tmp_path / "base.yaml").write_text(CODES, encoding="utf-8")
    (tmp_path / "codes.csv").write_text("case,other\na,b\n", encoding="utf-8")
    text = loaded(tmp_path, "map: x/mine\nbase: base\ncase: person\nother: test/person\nfields: {deceased: d}\n").text
    assert text.startswith("map: x/mine")
    assert CODES in text
    assert "case,other\na,b\n" in text


@pytest.mark.parametrize("kind", ["loop", "pipe", "folder", "latin", "deep"])
def test_whatever_stands_in_the_folder_the_lane_goes_on(running, kind):
    path = running.folder / "mappings" / "sdohcc" / "task.yaml"
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes({"latin": b"map: \xe9\n", "deep": b"[" * 100_000}[kind])
    hear(running, "p1")
    assert running.held() == []
    assert len(running.messages(kind="fhir-r4/Patient")) == 1


def test_an_unforeseen_fault_of_a_map_does_not_stop_the_lane(running):
    def burst(name: str, used: frozenset[str]) -> None:
        raise RuntimeError(name)

    running.bridge.lanes.watch.load = burst
    (running.folder / "mappings" / "sdohcc" / "patient.yaml").write_text(MAP + "\n", encoding="utf-8")
    hear(running, "p1")
    assert running.held() == []
    assert {told["code"] for told in running.noted("maps-refused")} == {"CB-901"}


def test_a_code_table_replaced_under_its_old_time_is_seen(running):
    folder = running.folder / "mappings" / "sdohcc"
    codes, before = folder / "sexes.csv", len(running.noted("maps-changed"))
    codes.write_text("case,other\na,b\n", encoding="utf-8")
    seen = codes.stat()
    (folder / "patient.yaml").write_text(
        MAP.replace("birthDate", "{at: birthDate, only: import, codes: {otherwise: keep, file: sexes.csv}}"),
        encoding="utf-8",
    )
    running.work()
    refused = len(running.noted("maps-refused"))
    codes.write_text("case,other\na,c\n", encoding="utf-8")
    os.utime(codes, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    running.work()
    assert len(running.noted("maps-changed")) + len(running.noted("maps-refused")) > before + refused + 1


# --- labels --------------------------------------------------------------------------------------------------------

WALLED = """\
map: x/condition
case: need
other: test/condition
fields:
  note: note
  labels: {each: marks, key: ., only: import, fields: {.: {at: code, codes: label}}}
codes: {label: {otherwise: keep, rows: [[42CFRPart2, P2], [SUD, S]]}}
"""


@pytest.mark.parametrize(
    "top",
    [
        "fields: {labels: drop}\n",
        "fields: {labels: other}\n",
        "fields: {labels: {each: marks, key: code, only: export, fields: {.: code}}}\n",
        "codes: {label: {rows: [[N, P2]]}}\n",
        "codes: {label: {otherwise: report}}\n",
    ],
)
def test_an_overlay_cannot_take_a_label_away(tmp_path, top):
    (tmp_path / "base.yaml").write_text(WALLED, encoding="utf-8")
    with pytest.raises(MapError) as refused:
        loaded(tmp_path, "map: x/mine\nbase: base\ncase: need\nother: test/condition\n" + top)
    assert refused.value.code == "CB-213"
    assert "Part 2" in refused.value.message


ROUND = """\
map: x/several
case: [person, needs]
other: test/condition
shape: {parents: {order: {type: Order, follow: focus, owner: theirs}}}
names: {wall: "urn:walls"}
fields:
  person.birth: born
  person.labels(system=$wall).code: {at: marks(of=$wall).code, only: import}
  .: {in: meta, fields: {person.labels: {each: security, key: code, only: import, fields: {code: code}}}}
  needs: {each: parts, key: id, fields: {external_id: id, note: note, labels: {each: marks, key: code, fields: {code: code}}}}
  of_the_order:
    choose:
      - {case: {}, other: {order.marks: present}, fields: {person.labels: {each: order.marks, key: code, only: import, fields: {code: code}}}}
"""  # noqa: E501
OF_A_NEED = "labels: {each: marks, key: code, fields: {code: code}}"
OF_THE_ORDER = "{person.labels: {each: order.marks, key: code, only: import, fields: {code: code}}}"


@pytest.mark.parametrize(
    "top",
    [
        pytest.param("names: {wall: 'urn:none'}", id="a name"),
        pytest.param(
            "fields: {.: {in: metta, fields: {person.labels: {each: security, key: code, only: import, "
            "fields: {code: code}}}}}",
            id="the group",
        ),
        pytest.param(f"fields: {{needs: {{each: others, key: id, fields: {{external_id: id, {OF_A_NEED}}}}}}}"),
        pytest.param(
            f"fields: {{needs: {{each: parts(of=x), key: id, fields: {{external_id: id, {OF_A_NEED}}}}}}}"
        ),
        pytest.param(
            f"fields: {{needs: {{each: parts, key: id, when: {{person.birth: absent}}, fields: {{external_id: id, "
            f"{OF_A_NEED}}}}}}}",
            id="a when",
        ),
        pytest.param(
            "fields: {of_the_order: {choose: [{case: {}, other: {order.marks: present, urgent: present}, "
            f"fields: {OF_THE_ORDER}}}]}}}}",
            id="a branch",
        ),
        pytest.param("shape: {parents: {order: {type: Order, follow: basedOn, owner: theirs}}}", id="another order"),
        pytest.param("shape: {parents: {meta: {type: Meta, follow: focus, owner: theirs}}}", id="in its place"),
    ],
)
def test_an_overlay_cannot_move_what_stands_round_a_label(tmp_path, top):
    (tmp_path / "base.yaml").write_text(ROUND, encoding="utf-8")
    with pytest.raises(MapError) as refused:
        loaded(tmp_path, f"map: x/mine\nbase: base\n{top}\n")
    assert refused.value.code == "CB-213"
    assert refused.value.file.endswith("person.yaml")  # where the overlay says it, not its base


@pytest.mark.parametrize(
    "top",
    [
        "fields: {person.birth: birthday, needs.note: drop}",
        "shape: {parents: {order: {type: Order, follow: focus, owner: ours}}}",
        f"fields: {{needs: {{each: parts, key: note, fields: {{note: note, {OF_A_NEED}}}}}}}",
    ],
)
def test_an_overlay_may_change_what_is_no_label_beside_one(tmp_path, top):
    (tmp_path / "base.yaml").write_text(ROUND, encoding="utf-8")
    assert loaded(tmp_path, f"map: x/mine\nbase: base\n{top}\n").name == "x/mine"


@pytest.mark.parametrize("way", ["", ", import"])
def test_a_table_that_keeps_codes_knows_each_of_them(tmp_path, way):
    """What the base keeps as it is, a row of an overlay would turn into a label that walls nothing off."""
    (tmp_path / "base.yaml").write_text(WALLED, encoding="utf-8")
    with pytest.raises(MapError) as refused:
        loaded(tmp_path, f"map: x/mine\nbase: base\ncodes: {{label: {{rows: [[N, 42CFRPart2{way}]]}}}}\n")
    assert refused.value.code == "CB-213"


def test_an_overlay_may_read_more_labels(tmp_path):
    (tmp_path / "base.yaml").write_text(WALLED.replace("otherwise: keep", "otherwise: report"), encoding="utf-8")
    head = "map: x/mine\nbase: base\ncase: need\nother: test/condition\n"
    map_ = loaded(tmp_path, head + "fields: {note: drop}\ncodes: {label: {rows: [[HIV, H]]}}\n")
    read = map_.read({"marks": [{"code": "P2"}, {"code": "H"}], "note": "x"}).slice
    assert read == {"need": {"labels": ["42CFRPart2", "HIV"]}}


# --- what the books say --------------------------------------------------------------------------------------------

REPORTING = MAP.replace("fields:", "rest: report\nfields:")


def test_a_name_that_a_partner_gave_a_field_is_not_put_on_the_books(running):
    (running.folder / "mappings" / "sdohcc" / "patient.yaml").write_text(REPORTING, encoding="utf-8")
    said = {"Jane Doe": "x", "899-61-1001": "x", "born1980-02-20": {"maritalStatus": "x"}, "Zoë": 1}
    said["_gender"] = {"id": "a"}
    running.drop("hospital", "p1.json", patient("p1", **said))
    (told,) = running.noted("left-over")
    places = told["facts"]["paths"]
    assert {"Aaaa Aaa", "999-99-9999", "aaaa9999-99-99.maritalStatus", "Aaa", "_gender.id"} <= set(places)
    assert not {"Jane Doe", "899-61-1001", "Zoë"} & set(places)


def test_a_record_too_deep_to_tell_what_is_left_is_the_records_fault(tmp_path):
    map_, deep = loaded(tmp_path, SMALL), {"x": 1}
    for _ in range(5000):
        deep = {"x": [deep]}
    read = map_.read({"born": "2000", "more": deep})
    with pytest.raises(RecordError) as refused:
        read.left_over  # noqa: B018  it is found when it is asked for
    assert refused.value.code == "CB-301"
    written = map_.write(read.slice, OwnIds(), {"born": "2001", "more": deep})
    with pytest.raises(RecordError):
        written.no_room  # noqa: B018


READ = "each: meta.security, key: ., only: import"


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        ("", ["CB-235"]),
        (f"  labels: {{{READ}, when: {{status: active}}, fields: {{.: code}}}}\n", ["CB-235"]),
        (f"  labels: {{{READ}, fields: {{.: code}}}}\n", []),
    ],
    ids=["none", "sometimes", "always"],
)
def test_a_map_of_ones_own_that_reads_no_labels_is_told_to_the_privacy_officer(tmp_path, labels, codes):
    map_ = loaded(tmp_path, MAP.replace("fields: {birth: birthDate}\n", "fields:\n  birth: birthDate\n" + labels))
    element = element_of(map_, load_plugins().natives)
    assert [note.code for note in check(map_, element, runs=0).notes] == codes
