"""The format ``form``: answers in, referrals out."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from casebridge_carriers.form_answers import write_answer
from casebridge_carriers.form_format import FormFormat
from hypothesis import given
from hypothesis import strategies as st

from casebridge import Context, RenderContext
from casebridge.core.errors import RecordError

NONCE = "0123456789abcdef" * 2
AT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
FORM = FormFormat(FormFormat.Settings(), Context(partner="food-bank"))


def payload(**fields: object) -> io.BytesIO:
    return io.BytesIO(json.dumps({"referral": "01JR", "answer": "accept", "nonce": NONCE} | fields).encode())


def parsed(stream: io.BytesIO) -> dict:
    (native,) = FORM.parse(stream, {})
    assert (native.type, native.external_id) == ("form/answer", "01JR")
    return native.data


def test_an_answer_is_one_record_under_the_referrals_id():
    assert parsed(payload()) == {"referral": "01JR", "answer": "accept", "nonce": NONCE}


def test_what_was_done_becomes_the_output():
    data = parsed(payload(answer="complete", outcome="Two bags of food"))
    assert data["outputs"] == [{"code": "resulting-activity", "text": "Two bags of food"}]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"answer": "maybe"}, "CB-301", "answer"),
        ({"answer": "decline"}, "CB-302", "reason"),
        ({"answer": "decline", "reason": "  "}, "CB-302", "reason"),
        ({"answer": "unable"}, "CB-302", "reason"),
        ({"answer": "hold"}, "CB-302", "reason"),
        ({"answer": "complete"}, "CB-302", "outcome"),
        ({"nonce": "short"}, "CB-301", "nonce"),
        ({"referral": ""}, "CB-301", "referral"),
        ({"referral": 7}, "CB-301", "referral"),
        ({"reason": "x" * 2001}, "CB-301", "reason"),
        ({"at": "yesterday"}, "CB-301", "at"),
        ({"ssn": "123456789"}, "CB-301", "ssn"),
    ],
)
def test_a_wrong_answer_is_a_message_that_names_the_field(fields, code, field):
    with pytest.raises(RecordError) as wrong:
        list(FORM.parse(payload(**fields), {}))
    assert (wrong.value.code, wrong.value.field) == (code, field)
    assert "123456789" not in str(wrong.value)


@pytest.mark.parametrize("name", ["referral", "answer", "nonce"])
def test_what_an_answer_cannot_do_without(name):
    fields = json.loads(payload().read())
    del fields[name]
    with pytest.raises(RecordError, match="CB-302"):
        list(FORM.parse(io.BytesIO(json.dumps(fields).encode()), {}))


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "CB-303"), (b"[]", "CB-303"), (b"\xff", "CB-303"), (b"[" * 9000, "CB-303"), (b"x" * 70_000, "CB-304")],
)
def test_what_is_not_an_answer_at_all(data, code):
    with pytest.raises(RecordError, match=code):
        list(FORM.parse(io.BytesIO(data), {}))
    assert FORM.identity(io.BytesIO(data)) is None


def test_a_double_click_is_one_answer_and_another_text_is_another():
    def identity(token: str = "t", page: str = NONCE, **fields: str) -> str | None:
        fields = {"answer": "decline", "reason": "full"} | fields
        return FORM.identity(io.BytesIO(write_answer(token, page, "01JR", fields)))

    assert identity() == identity() != None  # noqa: E711
    said = {"answer": "accept"}
    assert write_answer("t", NONCE, "01JR", said) == write_answer("t", NONCE, "01JR", said)
    assert len({identity(), identity(reason="moved"), identity(token="u"), identity(page=NONCE[::-1])}) == 4


@given(st.text(min_size=1, max_size=200).filter(str.strip))
def test_any_text_a_person_writes_comes_through(text):
    data = write_answer("t", NONCE, "01JR", {"answer": "complete", "outcome": text})
    assert parsed(io.BytesIO(data))["outcome"] == text


def test_a_referral_goes_out_as_json_with_its_notices(release):
    shown = release({"referral": "01JR", "service": "Food"}, notices=("42 CFR part 2 prohibits ...",))
    (file,) = FORM.render([shown], RenderContext("01JD", AT))
    assert (file.name, file.media_type, file.records) == ("referral-1.json", "application/json", (0,))
    assert json.loads(file.data) == {"referral": "01JR", "service": "Food", "notices": ["42 CFR part 2 prohibits ..."]}


def test_a_referral_without_an_id_does_not_go_out(release):
    with pytest.raises(RecordError, match="CB-302"):
        list(FORM.render([release({"service": "Food"})], RenderContext("01JD", AT)))
