"""Connections that ask for nothing: each counts as one of those that a listener has at a time."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

SECONDS = 10.0
"""So long a new connection may take to the end of its first request's head."""
_Protocol: Any = AutoHTTPProtocol


class Impatient(_Protocol):  # type: ignore[misc]
    """Closes a connection without a first request; between requests uvicorn's ``timeout_keep_alive`` does."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The time begins."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._waiting.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self.cycle is None:  # no head came to its end
            self.transport.close()
