"""One partner's subscription: made, renewed and ended on its server, and what was heard of it."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from casebridge import Context
from casebridge.core.errors import CaseBridgeError, SetupError
from casebridge.core.jsontext import dumps
from casebridge_fhir.capability import Capability
from casebridge_fhir.references import RELATIVE
from casebridge_fhir.searching import Search, matches
from casebridge_fhir.server import Answer, Server, refused
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in_settings import is_loopback
from casebridge_fhir.subscribing import heard, wanted
from casebridge_fhir.subscribing.address import Address
from casebridge_fhir.subscribing.heard import Heard
from casebridge_fhir.subscribing.mailbox import Mailbox

log = logging.getLogger("casebridge.fhir")
Resource = dict[str, Any]
LOOK = 600.0  # seconds between two looks at a subscription that is well
PAGES = 5  # of a search for ours
SILENT = timedelta(seconds=2 * wanted.HEARTBEAT)  # so long without a heartbeat, and nothing reaches us
_MADE = re.compile(r"Subscription/([A-Za-z0-9.-]{1,64})(?:/_history/|$)")


@dataclass(frozen=True, slots=True)
class News:
    """What a notification is to us: is it a reason to ask, and how many before it did not reach us."""

    ask: bool
    missed: int = 0


class Subscriber:
    """Keeps one Subscription of ours on a server. Polling is the net: nothing of this can stop it."""

    def __init__(self, server: Server, capability: Capability, settings: RestSettings, context: Context) -> None:
        self._server, self._capability, self._settings = server, capability, settings
        self._notes, self._partners_url = context.notes, context.partners_url
        said = settings.notify_mailbox
        self.address = Address.of_mailbox(said.address) if said else Address.of(settings.notify_key, context)
        self._mailbox = Mailbox(said, Path(context.base_dir)) if said and settings.subscribe != "no" else None
        self._troubles = {"there": "", "mailbox": ""}
        self._next = 0.0
        self._mutex = threading.Lock()

    @property
    def remark(self) -> str:
        """For people, when it does not work."""
        return self._troubles["there"] or self._troubles["mailbox"]

    def tend(self) -> None:
        """See that the Subscription is there as we want it, now and then. Never raises."""
        if time.monotonic() < self._next:
            return
        try:
            said = self._troubles["there"] = self._ended() if self._settings.subscribe == "no" else self._tended()
            self._next = time.monotonic() + (0 if said else LOOK)
        except CaseBridgeError as error:
            log.warning("no subscription: %s (%s)", error.message, error.code)
            self._troubles["there"] = f"We are not told of news there and poll: {error.message} ({error.code})"

    def listen(self, tell: Callable[[int], None]) -> None:
        """Look into our mailbox, where there is one. Raises TryAgain or SetupError."""
        if self._mailbox is None:
            return
        try:
            with self._mailbox.notifications() as came:
                news = [self.take(heard.heard(body)) for body in came]
                if any(one.ask for one in news):
                    tell(sum(one.missed for one in news))
        except CaseBridgeError as error:
            self._troubles["mailbox"] = f"Our mailbox cannot be read, and we poll: {error.message} ({error.code})"
            raise
        self._troubles["mailbox"] = ""

    def take(self, notification: Heard) -> News:
        """A notification came: what it means to us. Raises TryAgain while our books cannot be written."""
        with self._mutex:
            before, _ = self._last()
            total = notification.total if notification.total is not None else before
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._notes.keep("heard", f"{'' if total is None else total} {now}")
        if notification.kind == heard.HANDSHAKE:
            return News(ask=False)
        missed = _missed(notification, before)
        if missed:
            log.warning("%d notifications did not reach us; asking for what is new", missed)
        return News(ask=notification.kind != heard.HEARTBEAT or missed > 0, missed=missed)

    # --- on their server -------------------------------------------------------------------------------------

    def _tended(self) -> str:
        """Have it there; what people should know."""
        ours_here = is_loopback(_host(self._partners_url)) and not is_loopback(_host(self._server.base))
        if ours_here and not self.address.by_mail:
            return "We are not told of news there and poll: set partners_url under [web], so that they can reach us"
        now = datetime.now(UTC)
        want = wanted.wanted(self._settings, self.address, now)
        ours = list(self._there(self._notes.get("subscription"))) or list(self._found())
        if not ours:
            self._keep(self._made(want))
            return ""
        there, *doubles = ours
        self._keep(str(there["id"]))
        for double in doubles:
            self._server.delete(f"Subscription/{double['id']}")
        status = there.get("status")
        if status in ("error", "off") or wanted.ends_soon(there, now) or not wanted.is_as_wanted(there, want):
            self._renewed(there, want)
        if status == "error":
            return "Their server could not notify us. We asked it to try again, and poll meanwhile"
        return self._silence(str(there["id"]), now) if status == "active" else ""

    def _there(self, id_: str) -> Iterator[Resource]:
        """The one that we made, if it is there still."""
        if id_:
            found = self._server.get(f"Subscription/{id_}").resource()
            if found is not None and found["resourceType"] == "Subscription" and found.get("id") == id_:
                yield found

    def _found(self) -> Iterator[Resource]:
        """Those that notify our address: made before, by a process that died before it wrote that down."""
        try:
            for page in Search(self._server, self._capability, "Subscription").pages(
                [("url", self.address.url)], PAGES):  # fmt: skip
                for entry in matches(page, self._server.base):
                    channel = entry.resource.get("channel")
                    ours = isinstance(channel, dict) and channel.get("endpoint") == self.address.url
                    if ours and RELATIVE.fullmatch(entry.external_id):
                        yield entry.resource
        except SetupError as error:
            if error.code != "CB-109":
                raise
            log.info("Subscriptions cannot be searched there: %s", error.message)

    def _made(self, want: Resource) -> str:
        condition = f"url={quote(self.address.url, safe='')}"
        key = hashlib.sha256(self.address.url.encode()).hexdigest()[:32]
        answer = self._server.post("Subscription", dumps(want), condition, key)
        made = answer.resource() or {}
        location = _MADE.search(answer.headers.get("location", ""))
        id_ = made.get("id") if made.get("resourceType") == "Subscription" else location[1] if location else None
        if not answer.ok or not isinstance(id_, str) or not RELATIVE.fullmatch(f"Subscription/{id_}"):
            raise refused(answer, "our Subscription")
        return id_

    def _renewed(self, there: Resource, want: Resource) -> None:
        meta = there.get("meta")
        version = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
        answer = self._server.put(f"Subscription/{there['id']}", dumps({**want, "id": there["id"]}), version)
        if not answer.ok and answer.status not in (409, 412):  # somebody was faster: the next look will tell
            raise refused(answer, "our Subscription")

    def _silence(self, id_: str, now: datetime) -> str:
        """It is active, says their server. Does anything reach us?"""
        if self._settings.subscribe != "backport":
            return ""  # a classic one has no heartbeat
        before, at = self._last()
        total = self._counted(self._server.get(f"Subscription/{id_}/$status"))
        if total is not None and before is not None and total > before:
            log.warning("%d notifications did not reach us; they are found by this poll", total - before)
            self._notes.keep("heard", f"{total} {at.isoformat(timespec='seconds')}" if at else "")
        if at is None or now - at < SILENT:
            return ""
        return f"Nothing has reached us from there since {at:%Y-%m-%d %H:%M} UTC, so we poll: can they reach us?"

    def _counted(self, answer: Answer) -> int | None:
        bundle = answer.resource() if answer.ok else None
        if bundle is None:
            return None
        return heard.heard(answer.body).total if bundle["resourceType"] == "Bundle" else heard.said(bundle).total

    def _ended(self) -> str:
        """None is wanted any more."""
        if id_ := self._notes.get("subscription"):
            answer = self._server.delete(f"Subscription/{id_}")
            if not answer.ok and answer.status not in (404, 410):
                raise refused(answer, "the end of our Subscription")
            self._keep("")
            self._notes.keep("heard", "")
        return ""

    # --- on our books ----------------------------------------------------------------------------------------

    def _keep(self, id_: str) -> None:
        if self._notes.get("subscription") != id_:
            self._notes.keep("subscription", id_)

    def _last(self) -> tuple[int | None, datetime | None]:
        """The highest number heard, and when something was heard last."""
        total, _, at = self._notes.get("heard").partition(" ")
        return int(total) if total else None, datetime.fromisoformat(at) if at else None


def _missed(notification: Heard, before: int | None) -> int:
    if before is None or notification.total is None:
        return 0
    if notification.kind == heard.HEARTBEAT:
        return max(0, notification.total - before)
    first = notification.first if notification.first is not None else notification.total
    return max(0, first - before - 1)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
