"""One POST to a subscriber: to the address that was looked at and no other, within limits, its answer unread."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from casebridge.core.errors import SetupError, TryAgain
from casebridge.core.within import within
from casebridge_fhir.notifying.endpoints import is_allowed, resolved
from casebridge_fhir.notifying.settings import NotifyingSettings
from casebridge_fhir.server import retry_after

SILENCE, ALL = 10.0, 20.0  # seconds
GONE = 410


def post(
    endpoint: str, headers: Iterable[tuple[str, str]], body: bytes, media_type: str, settings: NotifyingSettings,
    folder: Path,
) -> None:  # fmt: skip
    """Returns when the subscriber has taken it (2xx). TryAgain CB-401 or CB-402; SetupError CB-101 when it may not be
    sent there, CB-109 when nobody is there any more. Never follows a redirect."""
    if not is_allowed(endpoint, settings):
        raise SetupError("CB-101", "the subscriber's address is none of notify_at any more")
    try:
        status, wait = within(ALL, lambda until: _posted(endpoint, headers, body, media_type, settings, folder))
    except (OSError, http.client.HTTPException) as error:
        raise TryAgain("CB-401", f"the subscriber does not answer ({type(error).__name__})") from None
    if status == GONE:
        raise SetupError("CB-109", "the subscriber's address is gone (410)")
    if status == 429 or (status == 503 and wait):
        raise TryAgain("CB-402", f"the subscriber answers {status}", after=retry_after(wait, datetime.now(UTC)))
    if not 200 <= status < 300:
        raise TryAgain("CB-401", f"the subscriber answers {status}")


def _posted(
    endpoint: str, headers: Iterable[tuple[str, str]], body: bytes, media_type: str, settings: NotifyingSettings,
    folder: Path,
) -> tuple[int, str]:  # fmt: skip
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port, timeout=SILENCE)
    try:
        connection.sock = _connected(parts.scheme, host, port, settings, folder)
        connection.putrequest("POST", path, skip_accept_encoding=True)
        given = {"Content-Length": str(len(body)), "Connection": "close", "User-Agent": "CaseBridge",
                 **({"Content-Type": f"{media_type}; charset=utf-8"} if media_type else {})}  # fmt: skip
        for name, value in (*given.items(), *headers):
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Retry-After", "")
    finally:
        connection.close()


def _connected(scheme: str, host: str, port: int, settings: NotifyingSettings, folder: Path) -> socket.socket:
    address = resolved(host, port, settings)
    plain = socket.create_connection((address, port), timeout=SILENCE)
    if scheme == "http":
        return plain
    try:
        context = ssl.create_default_context(
            cafile=str(folder / settings.notify_ca_file) if settings.notify_ca_file else None)
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


