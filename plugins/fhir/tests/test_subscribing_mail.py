"""A hospital whose server can only write e-mails tells us by mail: into a real mailbox, and we poll at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiosmtpd.controller import Controller
from casebridge_fhir.subscribing.mailbox import MailboxSettings
from doors import TOKEN
from mailboxes import ADDRESS, RealMailbox, mail, running_mailbox
from pydantic import ValidationError
from sites import TestSite, bundle, order, patient, task
from subscribers import at_work, free_port, until

from casebridge.engine import lanes, listening
from casebridge.store import ledger, notes, problems

NOBODY = "http://127.0.0.1:9/fhir"


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealMailbox]:
    with running_mailbox(tmp_path_factory.mktemp("mailbox")) as box:
        yield box


class Told:
    """A site that is told by mail, and whom it would have asked."""

    def __init__(self, folder: Path, box: dict[str, str | int], base: str = NOBODY, **more: str) -> None:
        self.asked: list[str] = []
        given = {"base_url": base, "subscribe": "backport", **more}
        said, table = (", ".join(f"{k} = {json.dumps(v)}" for k, v in one.items()) for one in (given, box))
        settings = f"{{ {said}, pause = 0, notify_mailbox = {{ {table} }} }}"
        self.site = TestSite(folder, hospital_carrier="fhir-rest", hospital_settings=settings)

    def listen(self) -> list[str]:
        """Look once; whom that had asked."""
        self.asked.clear()
        listening.listen(self.site.bridge.site, self.asked.append)
        return self.asked

    def missed(self) -> list[str]:
        with self.site.bridge.site.store.read() as c:
            return [e["facts"]["missed"] for e in ledger.events(c, name="notification-missed")]


@pytest.fixture
def here(tmp_path: Path, mailbox: RealMailbox) -> Iterator[Told]:
    made = Told(tmp_path, mailbox.settings(tmp_path))
    yield made
    made.site.bridge.close()


def notification(kind: str, total: int, *numbers: int) -> bytes:
    events = [{"name": "notification-event", "part": [{"name": "event-number", "valueString": str(n)}]}
              for n in numbers]  # fmt: skip
    said = {"resourceType": "Parameters", "parameter": [
        {"name": "type", "valueCode": kind}, {"name": "events-since-subscription-start", "valueString": str(total)},
        *events]}  # fmt: skip
    return json.dumps({"resourceType": "Bundle", "type": "history", "entry": [{"resource": said}]}).encode()


def test_a_mail_has_us_ask_once_and_only_ours_are_taken_away(here: Told, mailbox: RealMailbox) -> None:
    assert here.listen() == []
    before = mailbox.subjects()
    mailbox.lay(mail("news for us"))
    mailbox.lay(mail("news for us, again"))
    mailbox.lay(mail("lunch on Friday", to="somebody@county.example"))
    assert here.listen() == ["hospital"]
    assert here.listen() == []
    assert mailbox.subjects() == [*before, "lunch on Friday"]


def test_what_the_mails_say(here: Told, mailbox: RealMailbox) -> None:
    for body, asked, missed in [
        (notification("handshake", 0), [], []),
        (notification("heartbeat", 0), [], []),
        (notification("event-notification", 1, 1), ["hospital"], []),
        (notification("event-notification", 4, 4), ["hospital"], ["2"]),
        (b'{"resourceType": "Bundle", "entry": [[', ["hospital"], ["2"]),  # whatever it is, somebody wrote
        (b"\x00\xff" * 300_000, ["hospital"], ["2"]),
    ]:
        mailbox.lay(mail("a notification", body=body))
        assert (here.listen(), here.missed()) == (asked, missed)


def test_what_could_not_be_written_down_is_told_again(
    here: Told, mailbox: RealMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.lay(mail("news in a bad moment"))
    with monkeypatch.context() as broken:
        broken.setattr(listening.rounds, "keep", lambda *_: 1 / 0)
        assert here.listen() == []
    assert here.listen() == ["hospital"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"password": "file:other"}, "CB-106"), ({"folder": "No such"}, "CB-106"), ({"host": "127.0.0.2"}, "CB-401")],
)
def test_a_mailbox_that_cannot_be_read_is_said_and_polls_go_on(
    tmp_path: Path, mailbox: RealMailbox, settings: dict[str, str], said: str
) -> None:
    (tmp_path / "other").write_text("not-the-password")
    (tmp_path / "other").chmod(0o600)
    here = Told(tmp_path, {**mailbox.settings(tmp_path), **settings})
    try:
        assert here.listen() == []
        link: Any = here.site.bridge.site.partners["hospital"].link
        assert said in link.remark
        here.site.work()  # it is polled all the same, and its own trouble is on the books
        with here.site.bridge.site.store.read() as c:
            assert "hospital" in problems.listed(c)
    finally:
        here.site.bridge.close()


def test_two_bridges_by_mail(tmp_path: Path, mailbox: RealMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """One subscribes at the other's door and hears by mail, through a mail server, that a referral has come."""
    monkeypatch.setattr(lanes, "LISTEN", 0.3)

    class Post:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mailbox.lay(envelope.content)
            return "250 OK"

    post = Controller(Post(), hostname="127.0.0.1", port=free_port())
    post.start()
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        (folder / "token").write_text(TOKEN)
    port, mine = free_port(), free_port()
    by = f'{{ host = "127.0.0.1", port = {post.port}, security = "plain", sender = "bridge@hospital.example" }}'
    settings = f'{{ token = "file:token", may_write = ["*"], notify_at = ["mailto:{ADDRESS}"], notify_mail = {by} }}'
    there = TestSite(theirs, hospital_carrier="fhir", hospital_settings=settings, treatment="treatment")
    here = Told(ours, mailbox.settings(ours), f"http://127.0.0.1:{port}/fhir", token="file:token")
    try:
        with at_work(there.bridge, port), at_work(here.site.bridge, mine):
            until(lambda: noted(here, "subscription"), "our Subscription")
            until(lambda: noted(here, "heard"), "a mail")
            post_to(port, bundle(task(), order(), patient()))
            assert len(until(here.site.referrals, "the referral")) == 1
    finally:
        post.stop()
        there.bridge.close()
        here.site.bridge.close()


def noted(here: Told, name: str) -> str:
    with here.site.bridge.site.store.read() as c:
        return notes.get(c, "hospital", name)


def post_to(port: int, collection: dict[str, Any]) -> None:
    """The hospital writes each resource at the other's door."""
    with httpx2.Client(trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for entry in reversed(collection["entry"]):
            resource = entry["resource"]
            url = f"http://127.0.0.1:{port}/fhir/{resource['resourceType']}/{resource['id']}"
            assert client.put(url, json=resource).is_success


def test_an_address_is_one_plain_address() -> None:
    for address in ('a"b@county.example', "a b@county.example", "a@b@c", "two@a.example,b@a.example"):
        with pytest.raises(ValidationError):
            MailboxSettings(host="x", user="u", password="p", address=address)
