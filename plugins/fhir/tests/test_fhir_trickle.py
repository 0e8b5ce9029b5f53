"""A server that never ends its answer holds nobody else up: ``timeout`` alone limits only the silence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from time import sleep

import pytest
from casebridge_fhir.link import FhirRest

from casebridge import Context
from casebridge.core.errors import TryAgain


@pytest.fixture
def endless() -> Iterator[str]:
    """The address of a server that sends a blank every few milliseconds, for good."""
    ended = threading.Event()

    class Trickle(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in count():
                if ended.is_set():
                    return
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return
                sleep(0.01)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Trickle)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/fhir"
    ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_answer_that_does_not_end_is_given_up(endless: str) -> None:
    link = FhirRest(FhirRest.Settings(base_url=endless, timeout=0.1, attempts=1), Context("hospital"))
    with pytest.raises(TryAgain, match="trickles in"):
        list(link.receive(None))
    link.close()
