"""Servers that never answer, or never end their answer: every wait has an end, and what surely did not arrive is told
from what may have."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar

import asyncssh
import pytest
from casebridge_carriers.folder import FolderLink
from casebridge_carriers.mail import MailLink
from casebridge_carriers.sftp import SftpLink
from talking import Talk, talking_server

from casebridge import OutFile
from casebridge.core.errors import TryAgain

NOTICE = OutFile("notice-1.txt", b"x", "text/plain", (0,))
SOON = {"timeout": 0.2, "total_timeout": 0.4}
MAIL = {"host": "127.0.0.1", "security": "plain", "sender": "a@b.example", "to": "c@d.example"}
GREETING = b"220 mail.example\r\n"


@pytest.fixture
def talking() -> Iterator[Talk]:
    with talking_server() as talk:
        yield talk


MAILS = [  # what it says in turn, and then for good; did the message surely not arrive?
    ((), b"", True),
    ((), b"2", True),
    ((GREETING,), b"", False),
    ((GREETING,), b"250-and more\r\n", False),
    ((GREETING, b"250 hello\r\n", b"250 sender\r\n", b"250 recipient\r\n", b"354 go on\r\n"), b"", False),
]


@pytest.mark.parametrize(
    ("lines", "then", "unsent"), MAILS,
    ids=["no greeting", "a greeting without end", "no answer", "an answer without end", "silence after the message"],
)  # fmt: skip
def test_a_mail_server_is_not_waited_for_for_ever(talking, context, dispatch, lines, then, unsent):
    link = MailLink(MailLink.Settings(port=talking(*lines, then=then), **MAIL, **SOON), context)
    with pytest.raises(TryAgain, match="does not answer") as waits:
        link.send(dispatch(NOTICE), "key")
    assert waits.value.unsent is unsent


def test_what_a_mail_server_says_after_it_took_the_message_changes_nothing(talking, context, dispatch):
    lines = (GREETING, b"250 a\r\n", b"250 b\r\n", b"250 c\r\n", b"354 go on\r\n", b"250 taken\r\n", b"421 go away\r\n")
    link = MailLink(MailLink.Settings(port=talking(*lines), **MAIL, **SOON), context)
    assert link.send(dispatch(NOTICE), "key").reference.startswith("<")


def sftp_settings(port: int, **more: object) -> SftpLink.Settings:
    folders = {"in_dir": "in", "out_dir": "out", "done_dir": "done"}
    return SftpLink.Settings(host="127.0.0.1", port=port, user="u", password="right", **folders, **SOON, **more)


@pytest.mark.parametrize("then", [b"", b"wait\r\n"], ids=["it says nothing", "it says no end of nothing"])
def test_an_sftp_server_that_never_lets_us_in_is_not_waited_for(talking, context, dispatch, then):
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    link = SftpLink(sftp_settings(talking(then=then), known_hosts=key), context)
    with pytest.raises(TryAgain, match="does not answer") as waits:
        link.send(dispatch(NOTICE), "key")
    assert waits.value.unsent
    link.close()


class Sleepy(asyncssh.SFTPServer):
    """Lets everybody in and answers no question."""

    woken: ClassVar[asyncio.Event]

    async def never(self, *asked: object) -> None:
        await self.woken.wait()

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self.woken.wait()
        return
        yield

    lstat = stat = open = never  # type: ignore[assignment]


@pytest.fixture
def sleepy() -> Iterator[tuple[int, str]]:
    """The port and the key of a server that lets us in and then sleeps."""
    loop, key = asyncio.new_event_loop(), asyncssh.generate_private_key("ssh-ed25519")
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    class Anybody(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    async def listen() -> asyncssh.SSHAcceptor:
        Sleepy.woken = asyncio.Event()
        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[key], server_factory=Anybody, sftp_factory=Sleepy)  # fmt: skip

    async def end() -> None:
        acceptor.close()
        Sleepy.woken.set()
        await asyncio.sleep(0.05)  # they end

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    yield acceptor.get_port(), key.export_public_key().decode().strip()
    asyncio.run_coroutine_threadsafe(end(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_an_sftp_server_that_answers_no_question_is_not_waited_for(sleepy, context, dispatch):
    port, key = sleepy
    link = SftpLink(sftp_settings(port, known_hosts=key, file_timeout=0.4), context)
    for ask in (lambda: link.find(dispatch(NOTICE), "key"), lambda: link.send(dispatch(NOTICE), "key")):
        with pytest.raises(TryAgain, match="does not answer") as waits:
            ask()
        assert not waits.value.unsent, "nobody knows how far it came"
    link.close()


def test_a_folder_that_cannot_be_written_surely_has_nothing(context, dispatch, tmp_path: Path, monkeypatch):
    (tmp_path / "f").mkdir()
    link = FolderLink(FolderLink.Settings(folder="f"), context)

    def full(*asked: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TryAgain, match="No space") as waits:
        link.send(dispatch(NOTICE), "key")
    assert waits.value.unsent
