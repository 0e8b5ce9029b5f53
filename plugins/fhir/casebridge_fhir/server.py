"""One FHIR server over HTTP: requests with limits and retries, answers sorted by what to do about them."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from casebridge.core.errors import CaseBridgeError, RecordError, SetupError, TryAgain
from casebridge.core.jsontext import loads
from casebridge.core.within import within
from casebridge_fhir.outcomes import codes
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in_settings import is_loopback
from casebridge_fhir.tls import refusal as tls_refusal

T = TypeVar("T")
log = logging.getLogger("casebridge.fhir")
JSON = "application/fhir+json"
LONGEST_WAIT = timedelta(days=1)
_PASSING = frozenset({408, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3


class Forbidden(SetupError):
    """We may not do this there (403); perhaps only this."""


class Unanswered(TryAgain):
    """No usable answer this time: worth another try at once, and later if that fails too."""

    def __init__(self, what: str) -> None:
        super().__init__("CB-401", f"the FHIR server does not answer as it should: {what}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the headers we look at, and the body as read (never longer than allowed)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server did what we asked."""
        return 200 <= self.status < 300

    def resource(self) -> dict[str, Any] | None:
        """The resource in the body, if there is one."""
        try:
            value = loads(self.body) if self.body else None
        except ValueError:
            return None
        return value if isinstance(value, dict) and isinstance(value.get("resourceType"), str) else None


class Server:
    """Requests to one base address. Sync, keeps its connections. ``auth`` says who we are, ``tls`` whom we trust."""

    def __init__(
        self, settings: RestSettings, transport: httpx2.BaseTransport | None = None, *,
        auth: httpx2.Auth | None = None, tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.base = settings.base_url
        self._settings = settings
        self._client = httpx2.Client(
            headers={"Accept": JSON, "User-Agent": "casebridge"}, auth=auth,
            timeout=httpx2.Timeout(settings.timeout, connect=settings.connect_timeout),
            verify=settings.verify_tls if tls is None else tls, transport=transport,
            trust_env=not is_loopback(urlsplit(self.base).hostname or ""), follow_redirects=False,
            event_hooks={"request": [_in_time]},
        )  # fmt: skip

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def get(
        self, url: str, params: list[tuple[str, str]] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET ``url`` (absolute, or below the base), with retries; every status that is no passing failure comes back.

        Raises TryAgain CB-401 or CB-402, SetupError CB-106 (401, 403) or CB-109 (a redirect elsewhere).
        """
        address = url if "://" in url else f"{self.base}/{url}"
        return self.retried(lambda: self._followed(address, tuple(params or ()), headers or {}))

    def put(self, path: str, body: bytes, version: str) -> Answer:
        """PUT below the base, upon ``version``. One try: whether a failed one arrived is for the caller to see."""
        headers = {"Content-Type": JSON, "Prefer": "return=representation"}
        if version:
            headers["If-Match"] = f'W/"{version}"'
        return self._written("PUT", path, body, headers)

    def post(self, path: str, body: bytes, condition: str, key: str) -> Answer:
        """POST below the base unless something matches ``condition`` (If-None-Exist). One try.

        Whatever stands before the server and knows no FHIR can tell a repeat by ``key`` (Idempotency-Key, as the
        draft of the IETF's HTTPAPI group writes it).
        """
        headers = {"Content-Type": JSON, "Prefer": "return=representation", "Idempotency-Key": f'"{key}"'}
        if self._settings.conditional_create:
            headers["If-None-Exist"] = condition
        return self._written("POST", path, body, headers)

    def ask(self, batch: bytes) -> Answer:
        """POST a batch of reads to the base. It changes nothing there, so it is tried again as GET is."""
        headers = {"Content-Type": JSON, "Prefer": "return=representation"}
        return self.retried(lambda: self._written("POST", "", batch, headers))

    def delete(self, path: str) -> Answer:
        """DELETE below the base. One try."""
        return self._written("DELETE", path, b"", {})

    def absolute(self, url: str) -> str:
        """``url`` made whole: some servers give paging links without their own address."""
        return urljoin(self.base + "/", url)

    def same_origin(self, url: str) -> bool:
        """Whether ``url`` is on the server we were told to talk to."""
        try:
            return origin(url) == origin(self.base)
        except ValueError:
            return False

    def _written(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """A write is never redirected: what we say of people goes to the address we were given, or nowhere."""
        address = f"{self.base}/{path}".rstrip("/")
        answer = self._once(self._client.build_request(method, address, content=body, headers=headers))
        if answer.status in _REDIRECTS:
            raise _elsewhere()
        return answer

    def retried(self, attempt: Callable[[], T]) -> T:
        """What ``attempt`` gives, tried again after Unanswered a few times, with growing pauses; then TryAgain."""
        wait = wait_exponential(multiplier=self._settings.pause, min=self._settings.pause, max=10)
        tries = Retrying(
            retry=retry_if_exception_type(Unanswered), stop=stop_after_attempt(self._settings.attempts), wait=wait,
            reraise=True, before_sleep=_note,
        )  # fmt: skip
        try:
            return tries(attempt)
        except Unanswered as e:
            raise TryAgain(e.code, e.message) from None

    def _followed(self, address: str, params: tuple[tuple[str, str], ...], headers: Mapping[str, str]) -> Answer:
        for _ in range(_MAX_REDIRECTS + 1):
            request = self._client.build_request("GET", address, params=params or None, headers=dict(headers))
            answer = self._once(request)
            if answer.status not in _REDIRECTS:
                return answer
            address, params = urljoin(str(request.url), answer.headers.get("location", "")), ()
            if not self.same_origin(address):
                break
        raise _elsewhere()

    def _once(self, request: httpx2.Request) -> Answer:
        answer = self.exchange(request)
        _raise_passing(answer)
        return answer

    def exchange(self, request: httpx2.Request) -> Answer:
        """One request as it is and its answer as it comes, within the limits; Unanswered when there is none."""
        try:
            return within(self._settings.total_timeout, lambda until: self._exchanged(request, until))
        except (httpx2.TransportError, httpx2.DecodingError) as e:
            raise tls_refusal(e) or Unanswered(type(e).__name__) from None
        except TimeoutError:
            raise TryAgain("CB-401", "the FHIR server's answer trickles in and does not end") from None

    def _exchanged(self, request: httpx2.Request, until: float) -> Answer:
        request.extensions = {**request.extensions, "until": until}
        response = self._client.send(request, stream=True)
        try:
            return Answer(response.status_code, dict(response.headers), self._body(response, until))
        finally:
            response.close()

    def _body(self, response: httpx2.Response, until: float) -> bytes:
        limit, body = self._settings.max_bytes, bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() > until:
                raise TimeoutError
            if len(body) > limit:
                raise RecordError("CB-304", "the FHIR server's answer is too large", expected=f"at most {limit} bytes")
        return bytes(body)


def _in_time(request: httpx2.Request) -> None:
    """Just before it is sent: after a long signing-in nobody may be listening any more."""
    if time.monotonic() > request.extensions.get("until", float("inf")):
        raise TimeoutError


def _raise_passing(answer: Answer) -> None:
    if answer.status in (401, 403):
        refusal = SetupError if answer.status == 401 else Forbidden
        raise refusal("CB-106", f"the FHIR server answers {answer.status} to our credentials")
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        after = retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC))
        raise TryAgain("CB-402", f"the FHIR server answers {answer.status} and asks us to wait", after=after)
    if answer.status in _PASSING:
        raise Unanswered(f"status {answer.status}")


def retry_after(value: str, now: datetime) -> datetime | None:
    """The moment a Retry-After header names: seconds or an HTTP date (RFC 9110 10.2.3), a day ahead at most.

    >>> retry_after("120", datetime(2026, 11, 21, tzinfo=UTC)).isoformat()
    '2026-11-21T00:02:00+00:00'
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return now + min(timedelta(seconds=int(value[:9])), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment, now), now + LONGEST_WAIT)


def refused(answer: Answer, what: str) -> CaseBridgeError:
    """The error for an answer that will not get better by itself; of the body only codes and element names."""
    said = codes(answer.resource())
    return RecordError("CB-305", f"{what}: the FHIR server answers {answer.status}" + (f" ({said})" if said else ""))


def _elsewhere() -> SetupError:
    return SetupError("CB-109", "the FHIR server sends us elsewhere; base_url must be its real address")


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address: who is spoken to. ValueError when it is none."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def _note(state: RetryCallState) -> None:
    log.info("no usable answer from the FHIR server, try %s", state.attempt_number + 1)
