"""The format ``notice``: one neutral text a record."""

from __future__ import annotations

import pytest
from casebridge_carriers.notice import NoticeFormat

from casebridge.core.errors import RecordError
from casebridge.testing import a_context, a_release, a_render_context

REFERRAL = "01JREFERRAL00000000000000A"


def texts(*documents: dict, console_url: str = "") -> list[str]:
    form = NoticeFormat(NoticeFormat.Settings(console_url=console_url), a_context())
    released = [a_release(document, "notice/change") for document in documents]
    return [file.data.decode() for file in form.render(released, a_render_context())]


def test_it_names_the_reference_and_nothing_else():
    assert texts({"referral": REFERRAL, "what": "coverage-ended", "name": "ABBAS"}) == [
        f"Something changed for a referral you sent (reference {REFERRAL}).\nOpen CaseBridge to see it.\n"
    ]


def test_it_says_where_to_look():
    (text,) = texts({"referral": REFERRAL}, console_url="https://bridge.example/")
    assert text.endswith("Open CaseBridge to see it: https://bridge.example/\n")


def test_one_text_a_record():
    assert len(texts({"referral": "A"}, {"referral": "B"})) == 2


@pytest.mark.parametrize("document", [{}, {"referral": ""}, {"referral": {"absent": "withheld"}}, {"referral": "A\nB"}])
def test_without_a_reference_there_is_no_notice(document):
    with pytest.raises(RecordError, match="CB-302"):
        texts(document)
