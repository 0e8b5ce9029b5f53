"""The maps of the web form and the notice, and a referral's way through map, format and page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from casebridge_carriers.form_answers import ANSWERS
from casebridge_carriers.form_format import FormFormat
from casebridge_carriers.form_page import STATUS_WORDS, about_person, about_request, status_words

from casebridge.core.case import records_of, validate_record
from casebridge.mapping import Map, load_map
from casebridge.testing import a_context

MAPS = Path(__file__).resolve().parents[3] / "mappings"


class NoLinks:
    def theirs(self, ref: dict) -> None:
        return None


def load(name: str) -> Map:
    return load_map(MAPS / f"{name}.yaml")


@pytest.mark.parametrize("name", ["web-form/referral", "web-form/answer", "notice/change"])
def test_the_examples_hold(name):
    assert load(name).run_examples() == []


@pytest.mark.parametrize("word", ANSWERS)
def test_every_answer_of_the_form_moves_a_referral(word):
    answer = {"referral": "01JR", "answer": word, "nonce": "0" * 32, "at": "2026-11-21T20:00:00+00:00"}
    if ANSWERS[word].needs:
        answer[ANSWERS[word].needs] = "Two bags of food"
    form = FormFormat(FormFormat.Settings(), a_context())
    (native,) = form.parse(io.BytesIO(json.dumps(answer).encode()), {})
    imported = load("web-form/answer").read(native.data)
    for kind, _, record in records_of(imported.slice):
        validate_record(kind, record)
    referral = imported.slice["referral"]
    assert referral["external_id"] == "01JR"
    assert (referral["status"] == "completed") == bool(referral.get("outputs"))
    assert imported.left_over == []


@pytest.mark.parametrize("status", [
    "requested", "accepted", "in-progress", "on-hold", "completed", "rejected", "failed", "cancelled",
    "entered-in-error",
])  # fmt: skip
def test_every_status_is_shown_in_words(status):
    written = load("web-form/referral").write({"referral": {"correlation": "01JR", "status": status}}, NoLinks())
    assert status_words(written.data) == STATUS_WORDS[written.data["status"]]


def test_the_page_shows_what_the_map_writes():
    slice_ = {
        "referral": {"correlation": "01JR", "status": "requested", "domain": "food-insecurity", "do_not_contact": True},
        "person": {"names": [{"family": "ABBAS", "given": ["COLIN"]}], "birth": {"absent": "withheld"},
                   "telecoms": [{"system": "phone", "value": {"absent": "withheld"}, "safe_to_contact": True}]},
        "needs": [{"domain": "food-insecurity", "codes": [{"code": "Z59.41", "display": "Food insecurity"}]}],
    }  # fmt: skip
    data = load("web-form/referral").write(slice_, NoLinks()).data
    assert [(f.label, f.lines) for f in about_request(data, "UTC")] == [
        ("Kind of need", ("Food insecurity",)), ("Needs", ("Food insecurity",)),
        ("Reference", ("01JR",)),
    ]  # fmt: skip
    assert [(f.label, f.lines) for f in about_person(data)] == [
        ("Important", ("Do not contact the person yourself. Call the sender.",)), ("Name", ("COLIN ABBAS",)),
    ]  # fmt: skip
