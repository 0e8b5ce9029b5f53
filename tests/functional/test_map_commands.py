"""``casebridge map``: what IT staff type, on plain files, with no site, no store and no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Command, command_line
from sites import patient

MAP = """\
map: county/client
case: person
other: flatfile/client
shape: {layout: agency-clients}
fields:
  external_id: client_id
  birth: {at: birth_date, as: date-us}
  names(use=official).family: last_name
  names(use=official).given: [first_name]
  sexes(kind=administrative).value: {at: state, codes: sex}
ignore: [zip]
codes:
  sex: {rows: [[male, M], [female, F]], otherwise: refuse}
"""
RECORD = {"client_id": "K-1", "birth_date": "02/20/1987", "last_name": "Moreno", "first_name": "Ada", "state": "F",
          "zip": "10001", "phone": "555-0142"}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a map of its own and a record; no casebridge.toml."""
    (tmp_path / "mappings" / "county").mkdir(parents=True)
    (tmp_path / "mappings" / "county" / "client.yaml").write_text(MAP, encoding="utf-8")
    (tmp_path / "ada.json").write_text(json.dumps(RECORD), encoding="utf-8")
    return tmp_path


@pytest.fixture
def casebridge(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line(monkeypatch, capsys, site)


def change(site: Path, old: str, new: str, name: str = "client") -> None:
    """The map again, with something else in it."""
    assert old in MAP
    (site / "mappings" / "county" / f"{name}.yaml").write_text(MAP.replace(old, new), encoding="utf-8")


# --- check -------------------------------------------------------------------------------------------------------


def test_a_map_in_order(casebridge):
    ended, said = casebridge("map", "check", "county", "--runs", "50")
    assert (ended, "county/client (client.yaml): in order" in said) == (0, True), said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("birth:", "brith:", "client.yaml:7:3: `brith` is not a field of the case model"),
        ("as: date-us", "as: date-uk", "client.yaml:7:31: `date-uk` is not a converter"),
        ("last_name", "lastname", "client.yaml:8:3: "),
        ("otherwise: refuse", "otherwise: report", "CB-223"),
        ("codes:\n", "codes: [\n", "this is not YAML"),
        ("codes:\n", "\tcodes:\n", "this line begins with a tab"),
        ("codes:\n", " codes:\n", "a line that is not indented"),
    ],
)
def test_a_map_that_is_not_says_where_and_what_to_write(casebridge, site, old, new, said):
    change(site, old, new)
    ended, told = casebridge("map", "check", "county", "--runs", "0")
    assert (ended, said in told) == (4, True), told


def test_the_checks_for_programs(casebridge, site):
    change(site, "birth:", "brith:")
    ended, said = casebridge("map", "check", "mappings/county/client.yaml", "--json")
    (told,) = json.loads(said)["maps"]
    assert (ended, told["ok"]) == (4, False)
    assert {k: told["errors"][0][k] for k in ("code", "line", "column")} == {"code": "CB-202", "line": 7, "column": 3}


def test_every_line_with_its_verdict_and_a_witness(casebridge):
    _, said = casebridge("map", "check", "county", "--runs", "0", "--json")
    verdicts = {(v["case"], v["way"]): v["verdict"] for v in json.loads(said)["maps"][0]["verdicts"]}
    assert verdicts["external_id", "import"] == "lossless"
    assert verdicts["birth", "export"] == "canonical"


def test_without_a_name_every_map_there_is_with_the_own_ones_first(casebridge):
    ended, said = casebridge("map", "check", "--runs", "0", "--json")
    names = [one["map"] for one in json.loads(said)["maps"]]
    assert names[0] == "county/client"
    assert "sdohcc/task" in names
    assert ended in (0, 4)


def test_a_name_that_is_not_there(casebridge):
    ended, said = casebridge("map", "check", "county/clint")
    assert (ended, "did you mean `county/client`" in said) == (3, True), said


def test_a_set_is_checked_as_it_would_be_loaded(casebridge, site):
    """Both files are in order; together they would make a set of which one is never used."""
    change(site, "birth_date", "birth_date", name="copy")
    ended, said = casebridge("map", "check", "county", "--runs", "0")
    assert ended == 4
    assert "county/copy.yaml:1:1: county/client.yaml calls its map `county/client` too" in " ".join(said.split())
    assert "2 maps: 1 error of a set" in said


def test_with_the_rest_of_the_set_it_lies_over(casebridge, site):
    (site / "mappings" / "mercy").mkdir()
    for name in ("one", "two"):
        text = f"map: mercy/{name}\nbase: sdohcc/patient\n"
        (site / "mappings" / "mercy" / f"{name}.yaml").write_text(text, encoding="utf-8")
    ended, said = casebridge("map", "check", "mercy/one", "--runs", "0")
    assert (ended, "mercy/two" in said, "1 map: " in said) == (4, True, True), said


def test_a_file_with_another_ending_is_not_passed_over(casebridge, site):
    (site / "mappings" / "county" / "more.yml").write_text(MAP, encoding="utf-8")
    for names in ((), ("county",)):
        ended, said = casebridge("map", "check", *names, "--runs", "0")
        assert (ended, "Call the file more.yaml" in said) == (4, True), said


# --- show, explain, diff, schema ---------------------------------------------------------------------------------

OVERLAY = "map: county/other\nbase: county/client\nfields:\n  names(use=official).given: drop\n  birth: phone\n"


def test_the_map_that_counts_with_each_lines_origin(casebridge, site):
    (site / "mappings" / "county" / "other.yaml").write_text(OVERLAY, encoding="utf-8")
    ended, said = casebridge("map", "show", "county/other")
    assert ended == 0
    assert "birth: phone # county/other.yaml:5" in said
    assert "names(use=official).family: last_name # county/client.yaml:8" in said
    assert "given" not in said


def test_the_python_that_runs_it(casebridge):
    ended, said = casebridge("map", "show", "county/client", "--compiled")
    assert (ended, "def read(" in said, "client_id" in said) == (0, True, True)


def test_where_a_field_comes_from_and_goes_to(casebridge):
    for path in ("sexes.value", "state", "person.sexes(kind=administrative).value"):
        ended, said = casebridge("map", "explain", "county/client", path, "ada.json")
        assert ended == 0
        assert "client.yaml:10" in said
        assert "female <-> F" in said
        assert "any other code: refuse" in said
        assert "person.sexes[0].value" in said


def test_a_field_no_line_speaks_of(casebridge):
    ended, said = casebridge("map", "explain", "county/client", "phone")
    assert (ended, "no line of county/client speaks of `phone`" in said) == (3, True)


def test_what_another_version_does_otherwise(casebridge, site):
    (site / "new.yaml").write_text(
        MAP.replace("[female, F]", "[female, W], [other, X]").replace("birth:", "deceased:"), encoding="utf-8"
    )
    ended, said = casebridge("map", "diff", "county/client", "new.yaml", "--json")
    told = {row["field"]: (row["what"], row["how"]) for row in json.loads(said)}
    assert ended == 1
    assert told["person.birth"][0] == "removed"
    assert told["person.deceased"][0] == "added"
    assert told["person.sexes(kind=administrative).value"] == (
        "changed", "code added: female <-> W; code added: other <-> X; code removed: female <-> F")  # fmt: skip


def test_a_map_does_not_differ_from_itself(casebridge):
    assert casebridge("map", "diff", "sdohcc/task", "sdohcc/task") == (0, "Differences: none")


def test_the_schema_completes_case_paths_words_and_converters(casebridge, site):
    ended, said = casebridge("map", "schema", "--out", "map.schema.json")
    assert (ended, "yaml-language-server: $schema=map.schema.json" in said) == (0, True)
    schema = json.loads((site / "map.schema.json").read_text(encoding="utf-8"))
    person = next(r["then"] for r in schema["allOf"] if r["if"]["properties"]["case"] == {"const": "person"})
    paths = person["properties"]["fields"]["properties"]
    assert {"birth", "names(use=official).family", "sexes(kind=hud).value", "telecoms"} <= set(paths)
    line = schema["$defs"]["line"]["anyOf"][-1]["properties"]
    assert {"each", "key", "codes", "also_read", "if_missing"} <= set(line)
    assert {"date8", "date-us", "ssn"} <= set(line["as"]["enum"])


# --- try, coverage -----------------------------------------------------------------------------------------------


def test_what_each_line_did_to_a_record(casebridge):
    ended, said = casebridge("map", "try", "county/client", "ada.json", "--all")
    assert ended == 0, said
    for told in ("02/20/1987 ->", "1987-02-20", "F -> female", "K-1", "555-0142", "Ignored on purpose", "10001"):
        assert told in said


def test_it_says_what_was_not_found_and_what_is_kept(casebridge, site):
    (site / "ada.json").write_text(json.dumps({"client_id": "K-1", "phone": "555-0142"}), encoding="utf-8")
    ended, said = casebridge("map", "try", "county/client", "ada.json", "--json")
    (told,) = json.loads(said)
    assert ended == 0
    assert told["kept"] == {"phone": "555-0142"}
    assert {line["other"] for line in told["lines"] if not line["values"]} == {
        "birth_date", "last_name", "first_name", "state"}  # fmt: skip


def test_a_record_it_stops_at_is_named_with_its_code(casebridge, site):
    (site / "ada.json").write_text(json.dumps({**RECORD, "state": "Unknown"}), encoding="utf-8")
    ended, said = casebridge("map", "try", "county/client", "ada.json")
    assert ended == 5
    assert "has no row in the code table `sex`" in said


def test_what_a_recipient_would_not_get(casebridge):
    asked = ("map", "try", "county/client", "ada.json", "--json", "--recipient")
    _, said = casebridge(*asked, "cbo", "--agreement", "BAA")
    (told,) = json.loads(said)
    assert "person.names[0].family" in told["recipient"]["goes"]
    stays = {leaf["path"]: leaf["why"] for leaf in told["recipient"]["stays"]}
    assert stays["person.birth"] == "The recipient does not need this for the purpose."
    _, said = casebridge(*asked, "individual")
    assert json.loads(said)[0]["recipient"]["stays"] == []


def test_a_real_file_goes_through_its_format(casebridge, site):
    (site / "p.json").write_text(json.dumps(patient()), encoding="utf-8")
    ended, said = casebridge("map", "try", "sdohcc", "p.json", "--json")
    (told,) = json.loads(said)
    assert (ended, told["map"], told["slice"]["person"]["birth"]) == (0, "sdohcc/patient", "1987-02-20")


def test_a_certain_record_of_a_file(casebridge, site):
    rows = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On\n"
    (site / "c.csv").write_text(rows + "K-1,Ada,,,,,,,,,,,\nK-2,Bo,,,,,,,,,,,\n", encoding="utf-8")
    asked = ("map", "try", "county/client", "c.csv", "--set", "layout=agency-clients", "--json")
    _, said = casebridge(*asked, "--record", "K-2")
    assert [one["id"] for one in json.loads(said)] == ["K-2"]
    _, said = casebridge(*asked, "--records", "9")
    assert [one["id"] for one in json.loads(said)] == ["K-1", "K-2"]
    ended, said = casebridge(*asked, "--record", "K-3")
    assert (ended, "CB-244" in said) == (5, True)


def test_which_values_of_samples_no_line_reads(casebridge, site):
    (site / "samples").mkdir()
    for name in ("a", "b"):
        (site / "samples" / f"{name}.json").write_text(json.dumps(RECORD), encoding="utf-8")
    ended, said = casebridge("map", "coverage", "county/client", "samples", "--json")
    told = json.loads(said)["types"]["flatfile/client"]
    assert ended == 0
    assert (told["records"], told["values"]) == (2, 14)
    assert told["kept"] == {"phone": 2}
    assert told["ignored"] == {"zip": 2}
    assert sum(told["claimed"].values()) == 10


# --- what a newcomer met -----------------------------------------------------------------------------------------

def test_a_schema_never_takes_the_place_of_a_map(casebridge, site):
    for place in ("mappings/county/client.yaml", "mappings"):
        ended, said = casebridge("map", "schema", "--out", place)
        assert (ended, "CB-241" in said) == (3, True), said
    assert (site / "mappings" / "county" / "client.yaml").read_text(encoding="utf-8") == MAP


def test_a_schema_in_a_folder_that_is_not_there(casebridge):
    ended, said = casebridge("map", "schema", "--out", "nofolder/s.json")
    assert (ended, "There is no folder nofolder" in said, "CB-241" in said) == (3, True, True), said


def test_a_map_and_its_base_with_one_file_name_are_told_apart(casebridge, site):
    own = site / "mappings" / "mercy" / "client.yaml"
    own.parent.mkdir()
    own.write_text("map: mercy/client\nbase: county/client\nfields:\n  extra.area: zip\n  names(use=old).given: zip\n",
                   encoding="utf-8")  # fmt: skip
    assert "mercy/client.yaml:4" in casebridge("map", "explain", "mercy/client", "extra.area")[1]
    assert "county/client.yaml:7" in casebridge("map", "explain", "mercy/client", "birth")[1]
    own.write_text(own.read_text(encoding="utf-8").replace("names(use=old).given", "extra.code"), encoding="utf-8")
    said = casebridge("map", "try", "mercy/client", "ada.json")[1]
    assert ("county/" in said, "mercy/" in said) == (True, True), said
    own.write_text("map: mercy/client\nbase: county/client\nfields:\n  extra.born: birth_date\n", encoding="utf-8")
    said = casebridge("map", "check", "mercy/client")[1]
    assert "mercy/client.yaml:4 (`extra.born`) and county/client.yaml:7 (`birth`)" in said, said


def test_an_example_that_does_not_hold_is_told_once_at_its_place(casebridge, site):
    change(site, "codes:\n", "examples:\n  - {about: wrong, way: import, case: {birth: \"1987-02-21\"}, other: "
           "{birth_date: 02/20/1987}}\ncodes:\n")  # fmt: skip
    ended, said = casebridge("map", "check", "county/client")
    assert (ended, "client.yaml:13:5: example `wrong`" in said) == (4, True), said
    assert said.count("Correct the map or the example") == said.count("client.yaml:13:5") == 1, said
    assert "county/client (client.yaml): 1 error." in said


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ("map: a/a\nbase: county/clint\nfields: {}\n", "did you mean `county/client`?"),
        ("map: a/a\nbase: hmis-2026/participation\nfields: {}\n", "write `base: hmis-2026/enrollment`"),
        ("map: a/a\nbase: sdohcc/patient\nfields:\n  telecoms:\n    period: drop\n", "Write `telecoms.period: drop`"),
        ("map: a/a\nbase: county/client\ncodes:\n  sex: [[male, M]]\nfields: {}\n", "Write `rows:` before the list"),
    ],
)
def test_an_overlay_is_told_what_to_write(casebridge, site, overlay, said):
    (site / "mappings" / "county" / "own.yaml").write_text(overlay, encoding="utf-8")
    ended, told = casebridge("map", "check", "mappings/county/own.yaml")
    assert (ended, said in told) == (4, True), told


def test_explain_knows_typos_and_what_an_overlay_drops(casebridge, site):
    assert "did you mean `names.family`?" in casebridge("map", "explain", "county/client", "names.famly")[1]
    (site / "mappings" / "county" / "other.yaml").write_text(OVERLAY, encoding="utf-8")
    _, said = casebridge("map", "explain", "county/other", "names.given")
    assert "county/client.yaml:9 has it, and county/other.yaml:4 drops it" in said, said
