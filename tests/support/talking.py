"""A server that says what a test tells it to, byte by byte, and never ends of its own accord."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Talk = Callable[..., int]


@contextmanager
def talking_server() -> Iterator[Talk]:
    """``talk(*lines, then)``: the port of a server that says a line, waits for one of ours, says the next; when it has
    said all it says ``then`` for good. To whoever comes the same; gone at the end of the block."""
    ended, listener = threading.Event(), socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(lines: tuple[bytes, ...], then: bytes) -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(connection, lines, then)))
            threads[-1].start()

    def answer(connection: socket.socket, lines: tuple[bytes, ...], then: bytes) -> None:
        with connection:
            try:
                for line in lines:
                    connection.sendall(line)
                    connection.recv(65536)
                while not ended.wait(0.01):
                    connection.sendall(then)
            except OSError:
                return

    def talk(*lines: bytes, then: bytes = b"") -> int:
        threads.append(threading.Thread(target=serve, args=(lines, then)))
        threads[0].start()
        return int(listener.getsockname()[1])

    try:
        yield talk
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join()
