"""The other side of the flow over HTTP, a process of its own: it takes every body and writes it down, one a line.

``python -m benchmarks._flow_receiver FILE`` prints its address and ends when its input does.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def receiver(file: Path) -> Iterator[str]:
    """The address of one; ``file`` fills with what it gets."""
    command = [sys.executable, "-m", "benchmarks._flow_receiver", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield process.stdout.readline().strip()
        process.stdin.close()


def main() -> None:
    """Serve until the input ends."""
    with Path(sys.argv[1]).open("ab", buffering=0) as written:

        class Take(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                written.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\n")
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        server.daemon_threads = True
        threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
