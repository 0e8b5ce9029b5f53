"""How our listeners speak HTTP: their limits, and nothing of a request in any log."""

from __future__ import annotations

import logging
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from casebridge.web.silence import IDLE, Impatient

ALIVE = 5
"""Seconds between two calls of ``alive``."""


def server_of(
    app: ASGIApp, *, behind_proxy: bool, alive: Callable[[], object] = lambda: None
) -> uvicorn.Server:
    """A server for ``app``; ``behind_proxy``: one on this machine may say whom it speaks for. ``alive`` is called now
    and then by what answers requests, while it does."""

    async def notify() -> None:
        alive()

    logging.getLogger("uvicorn.access").disabled = True  # whatever a site logs: addresses hold tokens
    return uvicorn.Server(uvicorn.Config(
        app, access_log=False, log_config=None, server_header=False, lifespan="off", ws="none", http=Impatient,
        proxy_headers=behind_proxy, forwarded_allow_ips="127.0.0.1,::1", limit_concurrency=200,
        timeout_keep_alive=IDLE, timeout_graceful_shutdown=5, callback_notify=notify, timeout_notify=ALIVE,
    ))  # fmt: skip
