"""The conformance kit over the carriers: links with a real partner at the other end, and the two small formats."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from casebridge_carriers.folder import FolderLink
from casebridge_carriers.form_format import FormFormat
from casebridge_carriers.form_link import WebFormLink
from casebridge_carriers.mail import MailLink
from casebridge_carriers.notice import NoticeFormat

from casebridge import OutFile
from casebridge.testing import a_dispatch, a_release, check_format, check_link

MAIL = {"host": "127.0.0.1", "security": "plain", "sender": "bridge@r.example", "to": "desk@f.example"}
NOTICE = OutFile("notice.txt", b"Something changed.", "text/plain", (0,))


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("834.txt", "835.txt"):
        (tmp_path / "in" / name).write_text(name)
        os.utime(tmp_path / "in" / name, (time.time() - 60,) * 2)
    check_link(FolderLink, {"folder": "."}, dispatch=a_dispatch(NOTICE), context={"base_dir": str(tmp_path)})


def test_mail(mail_server) -> None:
    catcher, port = mail_server()
    check_link(MailLink, {**MAIL, "port": port}, dispatch=a_dispatch(NOTICE))
    assert len(catcher.messages) == 1


def test_web_form(mail_server) -> None:
    catcher, port = mail_server()
    sent = a_dispatch(releases=(a_release({"referral": "01JR"}),), reply_url="https://bridge.example/web-form/token")
    check_link(WebFormLink, {**MAIL, "port": port}, dispatch=sent)
    assert len(catcher.messages) == 1


def test_form() -> None:
    answers = [{"answer": "accept"}, {"answer": "complete", "outcome": "Bags"}, {"answer": "hold", "reason": "Shut"}]
    samples = [json.dumps({"referral": "01JR", "nonce": "0" * 32, **answer}).encode() for answer in answers]
    check_format(FormFormat, samples, round_trip=False)  # what goes out is a referral, what comes in is an answer


def test_notice() -> None:
    check_format(NoticeFormat, [b"Something changed."])
