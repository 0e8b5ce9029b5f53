"""The schema that maps of the form and of the notice are checked against."""

import io
import json
from pathlib import Path

import pytest
from casebridge_carriers.form_answers import ANSWERS
from casebridge_carriers.form_format import FormFormat, FormSettings
from casebridge_carriers.natives import NATIVES

from casebridge import Context

KINDS = {natives.prefix: natives for natives in NATIVES}


def element(kind, record):
    return KINDS[kind].element(record, {}, Path())


def test_an_answer_has_just_what_the_form_reads():
    said = {"referral": "R-1", "answer": "complete", "nonce": "0" * 32, "outcome": "Two bags", "reason": "x",
            "detail": "seen", "at": "2026-11-21T20:00:00Z"}  # fmt: skip
    form = FormFormat(FormSettings(), Context("form", "test"))
    (native,) = form.parse(io.BytesIO(json.dumps(said).encode()), {})
    answer = element("form", "answer")
    assert set(native.data) == set(answer.fields)
    assert set(native.data["outputs"][0]) == set(answer.fields["outputs"].fields)
    assert answer.fields["answer"].codes == set(ANSWERS)


@pytest.mark.parametrize(("kind", "record"), [("form", "offer"), ("notice", "answer")])
def test_other_records_are_unknown(kind, record):
    assert element(kind, record) is None


def test_every_record_but_an_alarm_needs_its_referral():
    """An alarm may be about a partner's agreement."""
    for kind, natives in KINDS.items():
        for record in set(natives.records) - {"alarm"}:
            assert element(kind, record).fields["referral"].required
