"""SMART Backend Services on each request: a token is asked for once, kept in memory, and renewed when it is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future

import httpx2

from casebridge_fhir.smart_client import Token


class KeptToken:
    """A token that many threads use. Whoever finds none asks; who comes meanwhile waits for the same answer, so that
    a refusal is not provoked by everyone in turn."""

    def __init__(self, ask: Callable[[], Token]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._asking: Future[Token] | None = None

    def get(self, refused: str = "") -> Token:
        """One that is good and is not ``refused``; raises what asking raises."""
        with self._lock:
            token = self._token
            if token and token.text != refused and time.monotonic() < token.until:
                return token
            coming, mine = self._asking or Future[Token](), self._asking is None
            self._asking = coming
        if mine:
            self._fetch(coming)
        return coming.result()

    def _fetch(self, coming: Future[Token]) -> None:
        token: Token | None = None
        try:
            token = self._ask()
        except BaseException as error:  # noqa: BLE001 - everyone who waits hears of it
            self._end(None)
            coming.set_exception(error)
        else:
            self._end(token)
            coming.set_result(token)

    def _end(self, token: Token | None) -> None:
        with self._lock:
            self._token, self._asking = token, None


class Smart(httpx2.Auth):
    """Sends the kept token; a 401 costs one new token and the same request once more, and the second 401 stands."""

    def __init__(self, kept: KeptToken) -> None:
        self._kept = kept

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Raises what :meth:`KeptToken.get` raises; then the request was not sent."""
        token = self._kept.get()
        request.headers["Authorization"] = f"Bearer {token.text}"
        response = yield request
        if response.status_code == 401:
            _unread(response)
            request.headers["Authorization"] = f"Bearer {self._kept.get(refused=token.text).text}"
            yield request


def _unread(response: httpx2.Response) -> None:
    """The client would read all of an answer before the next request, however long it is: this one says enough."""
    response.stream.close()  # type: ignore[union-attr]
    response.headers.pop("content-encoding", None)
    response.stream = httpx2.ByteStream(b"")
