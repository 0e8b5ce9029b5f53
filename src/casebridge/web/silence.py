"""Connections that ask for nothing: each counts as one of those that a listener has at a time."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

SECONDS = 10.0
"""So long a connection may take to the end of a request's head."""
IDLE = 10
"""So many seconds it may rest before the next one."""
_Protocol: Any = AutoHTTPProtocol


class Impatient(_Protocol):  # type: ignore[misc]
    """Closes a connection whose request does not come to the end of its head, the first or a later one."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The time begins."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(SECONDS, self._look)

    def on_response_complete(self) -> None:
        """It begins anew."""
        super().on_response_complete()
        self._waiting.cancel()
        self._waiting = self.loop.call_later(IDLE + SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._waiting.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self.cycle is None or self.cycle.response_complete:  # no further head came to its end
            self.transport.close()
