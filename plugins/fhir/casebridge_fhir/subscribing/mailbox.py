"""A mailbox of ours in which a partner's server leaves notifications (FHIR R4, subscription.html: channel email).

Mail can be forged, so nothing of it is believed: whoever knows the address can have us ask that partner's server once a
minute, and nothing else. Only mail to the address of the subscription is touched: it is taken away once it was told.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from casebridge import Settings
from casebridge.core.errors import SetupError, TryAgain
from casebridge.core.within import within

SILENCE, ALL = 20.0, 60.0  # seconds for an answer, and for a look
MOST = 200  # mails of one look
BYTES = 256 * 1024  # of a mail that is read: one with ids only is small
MEDIA = ("application/fhir+json", "application/json")


class MailboxSettings(Settings):
    """Where mail to us is read, by IMAP."""

    host: str = Field(description="The mail server")
    port: int = Field(default=993, gt=0, lt=65536, description="Its port for IMAP; 143 with starttls as a rule")
    security: Literal["tls", "starttls"] = Field(default="tls", description="Never in clear text")
    user: str = Field(description="Our account there")
    password: SecretStr = Field(description="Of that account, env:NAME or file:/path")
    address: str = Field(
        pattern=r"^[^\s@<>,;:\"()\\?&]{1,64}@[A-Za-z0-9.-]{1,255}$", description="Where their server is to write to")
    folder: str = Field(default="INBOX", pattern=r"^[^\x00-\x1f\x7f\"\\]{1,100}$", description="Where such mail lies")
    ca_file: str = Field(default="", description="Certificates to trust, if not the system's")


class Mailbox:
    """Looked into by IMAP (RFC 3501); each look is a connection of its own."""

    def __init__(self, settings: MailboxSettings, base: Path) -> None:
        self._settings, self._base = settings, base

    @contextmanager
    def notifications(self) -> Iterator[list[bytes]]:
        """What came: of each mail the notification in it, or nothing where it has none. Left without an error, they
        are taken away. TryAgain CB-401, SetupError CB-106."""
        found: dict[str, bytes] = {}
        self._do(lambda box: found.update(self._read(box)))
        yield list(found.values())
        if found:
            self._do(lambda box: _taken_away(box, list(found)))

    def _do(self, work: Callable[[imaplib.IMAP4], object]) -> None:
        try:
            within(ALL, lambda until: self._connected(work))
        except imaplib.IMAP4.error as error:
            raise TryAgain("CB-401", f"the mail server does not do what we ask ({type(error).__name__})") from None
        except (OSError, EOFError, TimeoutError) as error:
            raise TryAgain("CB-401", f"the mail server cannot be reached ({type(error).__name__})") from None

    def _connected(self, work: Callable[[imaplib.IMAP4], object]) -> None:
        said, trust = self._settings, ssl.create_default_context()
        if said.ca_file:
            trust.load_verify_locations(self._base / said.ca_file)
        with _reached(said, trust) as box:
            try:
                box.login(said.user, said.password.get_secret_value())
            except imaplib.IMAP4.error:
                raise SetupError("CB-106", "the mail server does not take our password") from None
            if box.select(f'"{said.folder}"')[0] != "OK":
                raise SetupError("CB-106", "the mail server has no such folder")
            work(box)

    def _read(self, box: imaplib.IMAP4) -> dict[str, bytes]:
        """The newest of them, by number."""
        _, (listed, *_) = box.uid("SEARCH", "UNDELETED", "TO", f'"{self._settings.address}"')
        numbers = (listed or b"").decode().split()[-MOST:]
        return {number: _notification(box, number) for number in numbers}


def _reached(said: MailboxSettings, trust: ssl.SSLContext) -> imaplib.IMAP4:
    if said.security == "tls":
        return imaplib.IMAP4_SSL(said.host, said.port, ssl_context=trust, timeout=SILENCE)
    box = imaplib.IMAP4(said.host, said.port, timeout=SILENCE)
    box.starttls(ssl_context=trust)
    return box


def _notification(box: imaplib.IMAP4, number: str) -> bytes:
    """The first BYTES of a mail hold it or nothing does."""
    _, parts = box.uid("FETCH", number, f"(BODY.PEEK[]<0.{BYTES}>)")
    raw = next((part[1] for part in parts if isinstance(part, tuple)), b"")
    message = message_from_bytes(raw, policy=policy.default)
    for part in message.walk():
        if part.get_content_type() in MEDIA:
            with suppress(LookupError, ValueError):  # an encoding that nobody knows
                body = part.get_payload(decode=True)
                return body if isinstance(body, bytes) else b""
    return b""


def _taken_away(box: imaplib.IMAP4, numbers: list[str]) -> None:
    """Other mail that somebody marked is left where the server can tell the two apart (RFC 4315)."""
    listed = ",".join(numbers)
    box.uid("STORE", listed, "+FLAGS.SILENT", "(\\Deleted)")
    _, (able, *_) = box.capability()  # what it can do for who has signed in
    if b"UIDPLUS" in (able or b"").upper().split():
        box.uid("EXPUNGE", listed)
