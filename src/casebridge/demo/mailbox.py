"""The mail catcher: a real SMTP server on loopback that keeps each message as a file."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from casebridge.core.errors import SetupError


class Mailbox:
    """What arrived, by recipient. A message that came twice (same Message-ID) counts once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep one message; aiosmtpd calls this for each."""
        content: bytes = envelope.content
        name = hashlib.sha256(content).hexdigest()[:24]
        (self.folder / f"{name}.tmp").write_bytes(content)
        (self.folder / f"{name}.tmp").rename(self.folder / f"{name}.eml")
        return "250 kept"

    def messages(self, to: str) -> list[EmailMessage]:
        """The messages to one address, oldest first."""
        found: dict[str, EmailMessage] = {}
        for file in sorted(self.folder.glob("*.eml"), key=lambda f: f.stat().st_mtime_ns):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)  # noqa: S101  (what this policy makes)
            if to in str(message["To"]):
                found[str(message["Message-ID"])] = message
        return list(found.values())


@contextlib.contextmanager
def open_mailbox(folder: Path, port: int) -> Iterator[Mailbox]:
    """A mailbox that listens on 127.0.0.1."""
    try:
        from aiosmtpd.controller import Controller
    except ImportError:
        remedy = "Install the demo extra: pip install 'casebridge[demo]'."
        raise SetupError("CB-103", "the demo's mail catcher is not installed", remedy=remedy) from None
    mailbox = Mailbox(folder)
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
