"""docs/reference says what the code says; when it does not: run make docs."""

import json
import re
from pathlib import Path

import pytest

from casebridge.core.case import KINDS
from casebridge.core.conditions import CONDITIONS
from casebridge.core.errors import error_codes
from casebridge.core.policy import standard_rules
from casebridge.core.schema import concepts
from casebridge.core.words import referral_words
from casebridge.docs import pages, stale, write
from casebridge.docs.coverage import counted, examples, kept_counts
from casebridge.docs.map_pages import page_name, shipped

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_the_committed_pages_are_fresh():
    assert stale(REFERENCE) == [], "run make docs and commit docs/reference"


def test_making_them_again_changes_nothing(tmp_path):
    assert len(write(tmp_path)) == len(pages())
    assert write(tmp_path) == []


def test_a_changed_page_and_a_schema_of_nothing_are_stale(tmp_path):
    write(tmp_path)
    (tmp_path / "errors.md").write_text("by hand", encoding="utf-8")
    (tmp_path / "schemas" / "household.json").write_text("{}", encoding="utf-8")
    (tmp_path / "maps" / "sdohcc" / "flag.md").write_text("of a map that is gone", encoding="utf-8")
    assert {p.name for p in write(tmp_path)} == {"errors.md", "household.json", "flag.md"}
    assert stale(tmp_path) == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("errors.md", list(error_codes())),
        ("case-model.md", list(KINDS)),
        ("concepts.md", [c.concept.replace("|", "\\|") for c in concepts()]),
        ("referral.md", [code for _, code in referral_words()]),
        ("policy.md", [rule.id for rule in standard_rules().rules] + list(CONDITIONS)),
    ],
)
def test_nothing_is_left_out(page, words):
    assert [word for word in words if word not in pages()[page]] == []


def test_every_kind_has_a_schema_and_a_slice_has_one_too():
    made = {name: json.loads(text) for name, text in pages().items() if name.endswith(".json")}
    assert set(made) == {f"schemas/{name}.json" for name in [*KINDS, "slice"]}
    assert all(schema["additionalProperties"] is False for schema in made.values())
    slots = made["schemas/slice.json"]["properties"]
    assert slots["person"] == {"$ref": "person.json"}
    assert slots["needs"]["items"] == {"$ref": "need.json"}


def test_every_shipped_map_has_a_page_with_all_its_lines_codes_and_examples():
    for one in shipped():
        assert one.map is not None, one.report.errors
        page = pages()[page_name(one)]
        definition = one.map.definition
        assert [e.about for e in definition.examples if e.about.replace("`", "") not in page] == []
        assert [v.other for v in one.report.verdicts if v.verdict == "lossy" and v.signed not in page] == []
        assert page.count("\n| `") >= len(definition.fields)


def test_the_index_leads_to_every_page():
    index = pages()["maps/README.md"]
    assert [name for one in shipped() if (name := page_name(one).removeprefix("maps/")) not in index] == []


def test_the_shares_are_those_of_the_guides_examples_today():
    """What was counted is committed, because the examples are not ours to ship; where they are, it is counted again."""
    folder = examples()
    if folder is None:
        pytest.skip("no FHIR examples (CASEBRIDGE_SAMPLES)")
    assert counted(folder) == kept_counts(), "run make docs and commit src/casebridge/docs/data"


def test_the_counts_hold_places_and_numbers_and_no_values():
    notice, head, *rows = kept_counts().splitlines()
    assert notice.startswith("#")
    assert head == "record,place,claimed,ignored,kept"
    places = [row.split(",") for row in rows]
    assert all(len(cells) == 5 and all(n.isdigit() for n in cells[2:]) for cells in places)
    assert all(re.fullmatch(r"[A-Za-z_]+(\[\])?(\.[A-Za-z_]+(\[\])?)*", cells[1]) for cells in places)
