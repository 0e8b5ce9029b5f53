"""The pages docs/adapters/carriers.md and web-form.md: the settings and the answer they show are taken."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from casebridge_carriers.folder import FolderLink
from casebridge_carriers.form_answers import read_answer
from casebridge_carriers.form_link import WebFormLink
from casebridge_carriers.mail import MailLink
from casebridge_carriers.notice import NoticeFormat
from casebridge_carriers.sftp import SftpLink

DOCS = Path(__file__).resolve().parents[3] / "docs/adapters"
LINKS = {link.name: link for link in (FolderLink, SftpLink, MailLink, WebFormLink)}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def partners() -> list[dict[str, Any]]:
    texts = [text for page in ("carriers.md", "web-form.md") for text in blocks(page, "toml")]
    return [partner for text in texts for partner in tomllib.loads(text).get("partner", {}).values()]


@pytest.mark.parametrize("partner", partners(), ids=lambda p: p["carrier"])
def test_the_settings_a_page_shows_are_taken(partner):
    assert LINKS[partner["carrier"]].Settings(**partner["settings"])
    if partner.get("format") == "notice":
        assert NoticeFormat.Settings(**partner["format_settings"]).console_url


def test_every_carrier_has_its_example():
    assert {partner["carrier"] for partner in partners()} == set(LINKS)


def test_the_answer_the_page_shows_is_read():
    (text,) = blocks("web-form.md", "json")
    assert read_answer(io.BytesIO(text.replace("01J…", "01JR").encode()))["answer"] == "decline"
