"""The link ``web-form``: for a partner with no system. An e-mail brings a link to a page; the page is the door's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from casebridge import Context, Dispatch, Outcome, Payload, Probe, Receipt, Settings, Thing
from casebridge.core.errors import RecordError, SetupError
from casebridge_carriers.smtp import (
    OneLine,
    SmtpSettings,
    certificates,
    compose,
    message_id,
    on_this_machine,
    post,
    reach,
)

TEXT = """\
{what}

Open this link to see it and to answer:

{url}

The link is for this one referral{until}.
Please do not forward it: whoever has the link can open the page.
"""
NEW = "There is a new referral for your organization."
CHANGED = "Something has changed in a referral for your organization."


class WebFormSettings(SmtpSettings):
    """The mail server, and the subject that every message carries."""

    subject: OneLine = Field("A referral is waiting for you", description="The same for every message: names no one")


class WebFormLink:
    """Sends the link. The answer comes back through the door ``web-form``."""

    name: ClassVar[str] = "web-form"
    default_format: ClassVar[str] = "form"
    Settings: ClassVar[type[Settings]] = WebFormSettings

    def __init__(self, settings: WebFormSettings, context: Context) -> None:
        self.settings = settings

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """Nothing: answers come through the door."""
        return iter(())

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        """Nothing to tell anybody."""

    def send(self, dispatch: Dispatch, key: str) -> Receipt:
        """One neutral message with the dispatch's link; says nothing of the client or the kind of service."""
        things = _things(dispatch)
        is_new = dispatch.releases[0].document.get("status") in (None, "waiting")
        text = TEXT.format(what=NEW if is_new else CHANGED, url=_checked(dispatch), until=_until(dispatch))
        post(self.settings, compose(self.settings, self.settings.subject, text, key))
        return Receipt(reference=message_id(self.settings.sender, key), things=things)

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


def _things(dispatch: Dispatch) -> tuple[Thing, ...]:
    """The referral, under its own id: the partner has no system to give it another."""
    if len(dispatch.releases) != 1:
        raise RecordError("CB-305", "a link is for one referral; this dispatch has more or none", field="releases")
    referral = dispatch.releases[0].document.get("referral")
    if not isinstance(referral, str) or not referral:
        raise RecordError("CB-302", "the released document has no referral id", field="referral")
    return (Thing(0, referral),)


def _checked(dispatch: Dispatch) -> str:
    url = urlsplit(dispatch.reply_url)
    secure = url.scheme == "https" or (url.scheme == "http" and on_this_machine(url.hostname or ""))
    if not secure or any(c.isspace() for c in dispatch.reply_url):
        raise SetupError(
            "CB-101", f"partner {dispatch.partner}: the page for answers has no address that begins with https://",
            remedy="Set the public address of the partners' doors in casebridge.toml and run casebridge check.",
        )  # fmt: skip
    return dispatch.reply_url


def _until(dispatch: Dispatch) -> str:
    until = dispatch.reply_until
    return f" and works until {until:%A, %d %B %Y, %H:%M %Z}" if until else ", for a limited time"
