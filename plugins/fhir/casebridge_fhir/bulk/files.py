"""The files of an export: fetched from wherever they lie, and our token shown to nobody but the FHIR server."""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import httpx2

from casebridge.core.errors import RecordError, SetupError, TryAgain
from casebridge.core.within import within
from casebridge_fhir.server import Server, Unanswered, origin, retry_after
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in import SignIn
from casebridge_fhir.sign_in_settings import is_loopback, plain_address
from casebridge_fhir.tls import refusal as tls_refusal

log = logging.getLogger("casebridge.fhir")
NDJSON = "application/fhir+ndjson"
IN_MEMORY = 1024 * 1024  # bytes of a file before it goes to disk
LONGEST_PAUSE = 300.0  # seconds we wait at most when a file server says Retry-After
PAUSES = 5  # how often
_MAX_REDIRECTS = 5
_PASSING = frozenset({408, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole file, at its beginning, and how many lines it has."""

    body: BinaryIO
    lines: int


class Gone(Exception):
    """The export is not there any more: it has expired, or somebody deleted it."""


class Files:
    """Fetches files. ``signed`` may show who we are at the FHIR server; to all others nothing of us is said."""

    def __init__(self, settings: RestSettings, sign_in: SignIn, server: Server) -> None:
        self._settings, self._server = settings, server
        self._here = is_loopback(urlsplit(settings.base_url).hostname or "")
        shared = {"headers": {"Accept": NDJSON, "User-Agent": "casebridge"}, "trust_env": not self._here,
                  "timeout": httpx2.Timeout(settings.timeout, connect=settings.connect_timeout)}  # fmt: skip
        trust = settings.verify_tls if sign_in.tls is None else sign_in.tls
        self._signed = httpx2.Client(auth=sign_in.auth, verify=trust, **shared)  # type: ignore[arg-type]
        self._bare = httpx2.Client(**shared)  # type: ignore[arg-type]

    def close(self) -> None:
        """Let go of connections."""
        self._signed.close()
        self._bare.close()

    def fetch(self, url: str, *, with_token: bool) -> Fetched:
        """The whole file; a passing failure is tried again a few times.

        Raises Gone, RecordError CB-304 (too large), SetupError (where it lies we may not go), TryAgain.
        """
        return self._server.retried(lambda: self._patiently(url, with_token))

    def _patiently(self, url: str, with_token: bool) -> Fetched:
        for _ in range(PAUSES):
            try:
                return within(self._settings.load_seconds, lambda until: self._followed(url, with_token, until))
            except TimeoutError:
                raise TryAgain("CB-401", "a file of the export trickles in and does not end") from None
            except TryAgain as e:
                if e.code != "CB-402":
                    raise
                until = e.after or datetime.now(UTC)
                time.sleep(min(LONGEST_PAUSE, max(1.0, (until - datetime.now(UTC)).total_seconds())))
        raise TryAgain("CB-402", "the server of the export's files asks us to wait, again and again")

    def _followed(self, url: str, with_token: bool, until: float) -> Fetched:
        for _ in range(_MAX_REDIRECTS + 1):
            self._refuse_unsafe(url)
            ours = with_token and origin(url) == origin(self._settings.base_url)
            client = self._signed if ours or self._is_base(url) else self._bare
            try:
                with client.stream("GET", url, **({} if ours else {"auth": None})) as answer:  # type: ignore[arg-type]
                    if not answer.is_redirect:
                        return self._kept(answer, until)
                    url = urljoin(url, answer.headers.get("location", ""))
            except (httpx2.TransportError, httpx2.DecodingError) as e:
                raise tls_refusal(e) or Unanswered(type(e).__name__) from None
        raise SetupError("CB-109", "a file of the export leads from address to address without end")

    def _is_base(self, url: str) -> bool:
        return origin(url) == origin(self._settings.base_url)

    def _refuse_unsafe(self, url: str) -> None:
        """Files may lie anywhere on https; a server elsewhere never points us at a port of this machine."""
        try:
            plain_address(url, query=True)
            inside = is_loopback(urlsplit(url).hostname or "")
        except ValueError as e:
            raise SetupError("CB-109", f"a file of the export cannot be fetched: {e}") from None
        if inside and not self._here:
            raise SetupError("CB-109", "a file of the export is said to lie on this machine, not theirs")

    def _kept(self, answer: httpx2.Response, until: float) -> Fetched:
        _raise_refused(answer)
        body = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  (closed by whoever reads it)
        size, lines, last = 0, 0, b"\n"
        try:
            for chunk in answer.iter_bytes(256 * 1024):
                size, lines, last = size + len(chunk), lines + chunk.count(b"\n"), chunk[-1:]
                if size > self._settings.load_max_bytes:
                    raise RecordError("CB-304", "a file of the export is too large",
                                      expected=f"at most {self._settings.load_max_bytes} bytes")  # fmt: skip
                if time.monotonic() > until:
                    raise TimeoutError
                body.write(chunk)
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return Fetched(body, lines + (last != b"\n"))  # type: ignore[arg-type]


def _raise_refused(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status in (404, 410):
        raise Gone
    if status in (401, 403):
        raise SetupError("CB-106", f"a file of the export: {origin(str(answer.url))[1]} answers {status} to us")
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        after = retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC))
        raise TryAgain("CB-402", f"a file of the export: the server answers {status} and asks us to wait", after=after)
    if status in _PASSING:
        raise Unanswered(f"status {status}")
    if status != 200:
        raise SetupError("CB-109", f"a file of the export: the server answers {status}")
