"""docs/reference says what the code says; when it does not: run make docs."""

import json
from pathlib import Path

import pytest

from casebridge.core.case import KINDS
from casebridge.core.conditions import CONDITIONS
from casebridge.core.errors import error_codes
from casebridge.core.policy import standard_rules
from casebridge.core.schema import concepts
from casebridge.core.words import referral_words
from casebridge.docs import pages, stale, write

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
    assert {p.name for p in write(tmp_path)} == {"errors.md", "household.json"}
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
