"""A server that never ends its answer, or never begins it, holds nobody up: every wait has an end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from casebridge_fhir.link import FhirRest

from casebridge import Context
from casebridge.core.errors import TryAgain

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"


@pytest.fixture
def trickling() -> Iterator[Callable[[bytes, bytes], str]]:
    """``trickling(first, then)``: the address of a server that says ``first``, then ``then`` again and again."""
    ended, listener = threading.Event(), socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(first: bytes, then: bytes) -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            answers = threading.Thread(target=answer, args=(connection, first, then))
            answers.start()
            threads.append(answers)

    def answer(connection: socket.socket, first: bytes, then: bytes) -> None:
        with connection:
            try:
                connection.sendall(first)
                while not ended.wait(0.01):
                    connection.sendall(then)
            except OSError:
                return

    def start(first: bytes, then: bytes) -> str:
        threads.append(threading.Thread(target=serve, args=(first, then)))
        threads[0].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"

    yield start
    ended.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (b"", b"", "ReadTimeout"),
        (HEAD, b"X", "trickles in"),
        (HEAD + b"\r\n", b" ", "trickles in"),
    ],
    ids=["it never answers", "its head does not end", "its body does not end"],
)  # fmt: skip
def test_every_wait_for_an_answer_has_an_end(
    trickling: Callable[[bytes, bytes], str], first: bytes, then: bytes, said: str
) -> None:
    settings = FhirRest.Settings(base_url=trickling(first, then), timeout=0.2, total_timeout=0.4, attempts=1)
    link = FhirRest(settings, Context("hospital"))
    with pytest.raises(TryAgain, match=said):
        list(link.receive(None))
    link.close()
