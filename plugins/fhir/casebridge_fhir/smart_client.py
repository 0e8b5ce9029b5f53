"""SMART Backend Services: the client that asks a token endpoint for a token."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2

from casebridge.core.errors import RecordError, SetupError, TryAgain
from casebridge.core.jsontext import loads
from casebridge.core.signing_keys import SigningKey, SigningKeys
from casebridge_fhir.server import Answer, Server, Unanswered, retry_after
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.smart_assertion import ASSERTION_TYPE, signed
from casebridge_fhir.smart_discovery import Published, discover
from casebridge_fhir.smart_refusal import refusal
from casebridge_fhir.smart_scopes import chosen, missing

log = logging.getLogger("casebridge.fhir")
MAX_BYTES = 256 * 1024
UNTOLD = 300.0
"""Seconds we take a token to be good when the server does not say: the longest that SMART recommends."""
MARGIN = 60.0
"""A token is renewed so many seconds before its end, but not before three quarters of its life."""
REMEMBERED = 3600.0
"""Seconds for which we rely on what the server said of its sign-in."""
_HEADERS = {"Accept": "application/json", "User-Agent": "casebridge"}
_NEAR = timedelta(seconds=30)
_FAR = timedelta(hours=12)
_PASSING = frozenset({408, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, until when we use it (``time.monotonic``), and what it is good for."""

    text: str = field(repr=False)
    until: float
    scopes: tuple[str, ...]


class SmartClient:
    """One client id at one server. ``server`` is spoken to without a word of who we are."""

    def __init__(
        self, settings: RestSettings, keys: SigningKeys, server: Server,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._settings, self._keys, self._server, self._clock = settings, keys, server, clock
        self._published: tuple[float, Published] | None = None
        self._lacking: tuple[str, ...] = ()
        self.skew = timedelta()  # the endpoint's clock less ours, as far as it matters

    def key(self) -> SigningKey:
        """The key we sign with now; SetupError CB-113 when there is none. Read each time: keys are rotated."""
        key = self._keys.one("current")
        if key is None:
            raise SetupError("CB-113", f"no key was made to sign in with at {self._server.base}")
        return key

    def published(self) -> Published:
        """What the server says of its sign-in, asked once an hour; raises as ``discover``."""
        now = time.monotonic()
        if self._published is None or now > self._published[0]:
            self._published = (now + REMEMBERED, discover(self._server, self._settings.token_url))
        return self._published[1]

    def scopes(self) -> str:
        """What we ask for, separated by blanks."""
        published = self.published()
        subscribe = self._settings.subscribe != "no"
        wanted = chosen(published.capabilities, published.scopes, subscribe=subscribe)
        return self._settings.scopes or " ".join(wanted)

    def ask(self, key: SigningKey | None = None) -> Token:
        """A new token. ``key``: sign with this one, to see whether the server knows it.

        Raises SetupError CB-110 to CB-113 (what the partner or we must do), TryAgain when there is no answer now.
        """
        key, asked = key or self.key(), time.monotonic()
        try:
            answer = self._answered(key)
            if not answer.ok and self._follow_their_clock(answer):
                answer = self._answered(key)
        except RecordError as e:
            raise SetupError("CB-110", f"{self._where()}: {e.message}") from None
        if not answer.ok:
            refused = refusal(answer, self._where(), self._settings.client_id, key.kid, self.scopes(), self.skew)
            self._published = None  # what the server said of its sign-in may be out of date
            raise refused
        return self._token(answer, asked)

    def _answered(self, key: SigningKey) -> Answer:
        try:
            return self._server.retried(lambda: self._attempt(key))
        except TryAgain as e:
            if e.code == "CB-402":
                raise
            raise TryAgain(e.code, f"no token from {self._where()}: {e.message}", after=e.after, unsent=True) from None

    def _attempt(self, key: SigningKey) -> Answer:
        """One request, with an assertion of its own: none is good twice."""
        endpoint, now = self._where(), self._clock() + self.skew
        form = {
            "grant_type": "client_credentials", "scope": self.scopes(), "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed(self._settings.client_id, endpoint, key, self._keys.private(key), now),
        }  # fmt: skip
        try:
            answer = self._server.exchange(httpx2.Request("POST", endpoint, data=form, headers=_HEADERS))
        except SetupError as e:  # of certificates: whose is said
            raise SetupError(e.code, f"no token from {endpoint}: {e.message}", remedy=e.remedy) from None
        if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
            after = retry_after(answer.headers.get("retry-after", ""), self._clock())
            raise TryAgain("CB-402", f"{endpoint} gives no token and asks us to wait", after=after, unsent=True)
        if answer.status in _PASSING:
            raise Unanswered(f"status {answer.status}")
        return answer

    def _where(self) -> str:
        return self.published().token_endpoint

    def _follow_their_clock(self, answer: Answer) -> bool:
        """Whether the refusal may be for the time we wrote: then it is written by their clock once more."""
        try:
            theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return False
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        skew = theirs - self._clock()
        if answer.status not in (400, 401) or abs(skew - self.skew) <= _NEAR or abs(skew) > _FAR:
            return False
        self.skew = timedelta(seconds=round(skew.total_seconds()))
        return True

    def _token(self, answer: Answer, asked: float) -> Token:
        try:
            body = loads(answer.body)
        except ValueError:
            body = None
        text = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(text, str) or not re.fullmatch(r"[\x21-\x7e]+", text):
            raise SetupError("CB-110", f"{self._where()} answers {answer.status} and gives no access_token")
        if str(body.get("token_type")).lower() != "bearer":
            raise SetupError("CB-110", f"{self._where()} gives a token of another kind than Bearer")
        lasts = _seconds(body.get("expires_in"))
        told = body.get("scope")
        scopes = tuple((told if isinstance(told, str) and told.strip() else self.scopes()).split())
        self._warn_of(missing(scopes))
        return Token(text, asked + lasts - min(MARGIN, lasts / 4), scopes)

    def _warn_of(self, lacking: tuple[str, ...]) -> None:
        """Once, and again when it changes: a 403 says nothing of what was lacking."""
        if lacking and lacking != self._lacking:
            log.warning("%s does not grant what no referral is served without: %s", self._where(), ", ".join(lacking))
        self._lacking = lacking


def _seconds(value: object) -> float:
    """``expires_in``, which some servers write as text."""
    text = str(value)
    return float(text) if re.fullmatch(r"[1-9]\d{0,8}(\.\d+)?", text) else UNTOLD
