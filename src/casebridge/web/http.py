"""How our listeners speak HTTP: their limits, and nothing of a request in any log."""

from __future__ import annotations

import logging

import uvicorn
from starlette.types import ASGIApp

from casebridge.web.silence import Impatient


def server_of(app: ASGIApp, *, behind_proxy: bool) -> uvicorn.Server:
    """A server for ``app``; ``behind_proxy``: one on this machine may say whom it speaks for."""
    logging.getLogger("uvicorn.access").disabled = True  # whatever a site logs: addresses hold tokens
    return uvicorn.Server(uvicorn.Config(
        app, access_log=False, log_config=None, server_header=False, lifespan="off", ws="none", http=Impatient,
        proxy_headers=behind_proxy, forwarded_allow_ips="127.0.0.1,::1", limit_concurrency=200,
        timeout_keep_alive=10, timeout_graceful_shutdown=5))  # fmt: skip
