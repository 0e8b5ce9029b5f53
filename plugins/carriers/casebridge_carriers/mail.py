"""The link ``mail``: neutral notices by e-mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import ClassVar

from pydantic import Field

from casebridge import Context, Dispatch, Outcome, Payload, Probe, Receipt, Settings
from casebridge.core.errors import SetupError
from casebridge_carriers.smtp import OneLine, SmtpSettings, certificates, compose, message_id, post, reach


class MailSettings(SmtpSettings):
    """The mail server, and the subject that every message carries."""

    subject: OneLine = Field("A message from CaseBridge", description="The same for every message: names no one")


class MailLink:
    """Sends what a format rendered as plain text. Nothing comes in this way."""

    name: ClassVar[str] = "mail"
    Settings: ClassVar[type[Settings]] = MailSettings

    def __init__(self, settings: MailSettings, context: Context) -> None:
        self.settings = settings

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """Nothing."""
        return iter(())

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        """Nothing to tell anybody."""

    def send(self, dispatch: Dispatch, key: str) -> Receipt:
        """One message with the texts of the dispatch; its Message-ID comes from ``key``."""
        post(self.settings, compose(self.settings, self.settings.subject, _text(dispatch), key))
        return Receipt(reference=message_id(self.settings.sender, key))

    def find(self, dispatch: Dispatch, key: str) -> None:
        """Nobody can tell whether a message arrived."""

    def probe(self) -> Probe:
        """Whether the mail server takes us."""
        return reach(self.settings)

    def expiries(self) -> Mapping[str, date]:
        """Until when the certificates are good that we trust."""
        return certificates(self.settings)

    def close(self) -> None:
        """Nothing is kept open."""


def _text(dispatch: Dispatch) -> str:
    for file in dispatch.files:
        if file.media_type.partition(";")[0].strip() != "text/plain":
            raise SetupError(
                "CB-101", f"partner {dispatch.partner}: mail carries plain text only, not {file.media_type}",
                remedy='Give the partner format = "notice", or another carrier.',
            )  # fmt: skip
    return "\n\n".join(file.data.decode("utf-8") for file in dispatch.files)
