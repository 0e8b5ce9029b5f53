"""A real mailbox: pymap, an IMAP server of its own process, behind TLS. Mail is laid into it as a mail server does."""

from __future__ import annotations

import imaplib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from certificates import Authority
from subscribers import free_port

USER, PASSWORD = "casebridge", "a-password-for-tests"
ADDRESS = "casebridge+hospital@county.example"


@dataclass(frozen=True, slots=True)
class RealMailbox:
    """Where it is, and by whose signature it is known."""

    port: int
    ca_file: Path

    def settings(self, folder: Path) -> dict[str, str | int]:
        """Its table in a partner's settings; the password is a file in the site's folder."""
        (folder / "mailbox-password").write_text(PASSWORD)
        (folder / "mailbox-password").chmod(0o600)
        return {"host": "127.0.0.1", "port": self.port, "security": "starttls", "user": USER,
                "password": "file:mailbox-password", "address": ADDRESS, "ca_file": str(self.ca_file)}  # fmt: skip

    def lay(self, raw: bytes) -> None:
        """A mail arrives."""
        with self._open() as box:
            assert box.append("INBOX", "", imaplib.Time2Internaldate(time.time()), raw)[0] == "OK"

    def subjects(self) -> list[str]:
        """Of what lies there."""
        with self._open() as box:
            box.select("INBOX", readonly=True)
            numbers = box.uid("SEARCH", "ALL")[1][0].split()
            read = [box.uid("FETCH", n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1] for n in numbers]
        return [one.decode().partition(":")[2].strip() for one in read]

    def _open(self) -> imaplib.IMAP4:
        box = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        box.starttls(ssl.create_default_context(cafile=str(self.ca_file)))
        box.login(USER, PASSWORD)
        return box


@contextmanager
def running_mailbox(folder: Path) -> Iterator[RealMailbox]:
    """For as long as the block lasts; its mail is in memory."""
    authority, port = Authority(folder, "mail-ca"), free_port()
    cert, key = authority.sign("mail")
    program = Path(sys.executable).with_name("pymap")
    command = [program, "--host", "127.0.0.1", "--port", str(port), "--cert", str(cert), "--key",
               str(key), "dict", "--demo-data", "--demo-user", USER, "--demo-password", PASSWORD]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        box, until = RealMailbox(port, authority.file), time.monotonic() + 30
        try:
            while True:
                try:
                    box.subjects()
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > until:
                        raise
                    time.sleep(0.05)
            yield box
        finally:
            server.terminate()


def mail(subject: str, to: str = ADDRESS, body: bytes = b"", media: str = "application/fhir+json") -> bytes:
    """As a hospital's server writes; ``body`` is a notification that goes with it."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "ehr@hospital.example", to, subject
    message.set_content("There is something new for you.")
    if body:
        message.add_attachment(body, *media.split("/"), filename="notification.json")
    return message.as_bytes()
