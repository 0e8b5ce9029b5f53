"""The generated functions of a map: readable, safe whatever the map says, and quiet about what nobody asks for."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from casebridge.core.errors import MapError, RecordError
from casebridge.mapping import Map, OwnIds, interpreter, load_map
from casebridge.mapping.compiled import Compiled

HEAD = "map: t/p\ncase: person\nother: x/P\n"
FIELDS = """fields:
  birth: {at: dob, as: date8}
  names: {each: name, key: [use, family], fields: {use: use, family: family, given: given}}
  sexes(kind=administrative).value: {at: sex, codes: sex}
  identifiers(system=ssn).value: ids(kind=SSN).value
  identifiers(system=mrn).value: ids(kind=MRN).value
codes: {sex: {rows: [[male, M], [female, F]], otherwise: refuse}}
"""
RECORD = {"dob": "19870220", "name": [{"family": "Abara"}], "sex": "F", "ids": [{"kind": "MRN", "value": "7"}]}


def a_map(folder: Path, text: str = HEAD + FIELDS) -> Map:
    path = folder / "map.yaml"
    path.write_text(text)
    return load_map(path)


def test_the_source_names_each_line_and_looks_a_shared_list_up_once(tmp_path: Path) -> None:
    source = a_map(tmp_path).compiled_source()
    ast.parse(source)
    for name in ("match(d)", "read(d)", "create(s, links)", "put(s, links, b)"):
        assert f"def {name}:" in source
    assert "# line 5: birth <- dob" in source
    read = source[source.index("def read") : source.index("def create")]
    assert read.count("d.get('ids')") == 1
    assert read.count("for i") == 2  # the names, and one loop for both kinds of identifier


def test_nothing_is_generated_before_it_is_needed(tmp_path: Path) -> None:
    the_map = a_map(tmp_path)
    assert the_map.compiled.texts == {}
    the_map.read(RECORD)
    assert set(the_map.compiled.texts) == {"read"}


HOSTILE = (
    "\"'''\\n__import__('os').system('true')\\n'''\"",
    "\"x' + boom() + '\"",
    "'{boom()}'",
    '"a\\n    boom()\\n"',
    '"\\u2028boom()"',
)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_map_never_becomes_code(tmp_path: Path, text: str) -> None:
    the_map = a_map(
        tmp_path,
        f"{HEAD}match: {{kind: {text}}}\nnames: {{n: {text}}}\nfields:\n  birth: {{at: dob, if_missing: {text}}}\n"
        f"  identifiers(system=$n).value: ids(kind=$n).value\n"
        f"  sexes(kind=a).value: {{at: sex, codes: {{rows: [[male, {text}]], otherwise: keep}}}}\n",
    )
    tree = ast.parse(the_map.compiled_source())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in ("boom", "__import__")]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom | ast.Lambda)]
    written = the_map.write({"person": {"identifiers": [{"system": "other"}]}}, OwnIds()).data
    assert the_map.matches(written)


def test_a_quoted_field_name_stays_a_name(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, HEAD + "fields: {birth: '\"it''s [0]; boom()\"'}\n")
    assert the_map.read({"it's [0]; boom()": "1987"}).slice == {"person": {"birth": "1987"}}
    assert the_map.write({"person": {"birth": "1987"}}, OwnIds()).data == {"it's [0]; boom()": "1987"}


def test_generated_functions_have_no_builtins(tmp_path: Path) -> None:
    read = a_map(tmp_path).compiled.function("read")
    assert read.__globals__["__builtins__"] == {}


def test_reports_are_made_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    the_map = a_map(tmp_path)
    asked: list[str] = []
    real = interpreter.read
    monkeypatch.setattr(interpreter, "read", lambda *given: asked.append("read") or real(*given))
    found = the_map.read({**RECORD, "stray": "x", "ids": [*RECORD["ids"], *RECORD["ids"]]})
    assert asked == []
    assert found.left_over == ["ids[1].kind", "ids[1].value", "stray"]
    assert found.notes == ["ids(kind=MRN).value: 2 items match; the first is used"]
    assert asked == ["read"]


def test_what_goes_wrong_is_said_by_the_interpreter(tmp_path: Path) -> None:
    the_map = a_map(tmp_path)
    with pytest.raises(MapError, match="CB-205"):
        the_map.read({"sex": "X"})
    with pytest.raises(RecordError, match="date8"):
        the_map.read({"dob": "1987"})


def test_an_original_is_shared_where_nothing_changed_and_never_changed_itself(tmp_path: Path) -> None:
    the_map = a_map(tmp_path)
    base: dict[str, Any] = {**RECORD, "kept": {"deep": ["x"]}}
    person = the_map.read(base).slice["person"]
    changed = {"person": {**person, "birth": "1987-02-21"}}
    written = the_map.write(changed, OwnIds(), base).data
    assert written == {**base, "dob": "19870221"}
    assert written is not base
    assert written["kept"] is base["kept"]
    assert base["dob"] == "19870220"


def test_a_map_that_cannot_be_compiled_is_run_by_the_interpreter(tmp_path: Path) -> None:
    the_map = a_map(tmp_path, HEAD + "rest: refuse\nfields: {birth: dob}\n")
    assert the_map.read({"dob": "1987"}).slice == {"person": {"birth": "1987"}}
    with pytest.raises(MapError, match="CB-210"):
        the_map.read({"dob": "1987", "more": "x"})
    assert "`rest: refuse`" in the_map.compiled_source()
    assert isinstance(the_map.compiled, Compiled)
