"""Partners' doors on a port of this machine, and a client of one partner; lanes work only when a test lets them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import uvicorn

from casebridge.app import Bridge
from casebridge.web.partners import partners_app

TOKEN = "a-token-of-the-hospital-for-tests"
SETTINGS = '{ token = "file:token", may_write = ["*"] }'


def free_port() -> int:
    """One that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def doors_of(bridge: Bridge, port: int = 0) -> Iterator[str]:
    """The address of the partners' listener."""
    with socket.create_server(("127.0.0.1", port)) as sock:
        app = partners_app(bridge.doors, [], lambda: True)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
        thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
        thread.start()
        try:
            while not server.started:
                thread.join(0.01)
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def fhir_client(bridge: Bridge, token: str = TOKEN) -> Iterator[httpx2.Client]:
    """A client of the partner with this token at the door ``fhir``."""
    headers = {"Authorization": f"Bearer {token}"}
    with doors_of(bridge) as url, httpx2.Client(base_url=f"{url}/fhir/", headers=headers, timeout=30) as client:
        yield client
