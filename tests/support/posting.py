"""A site whose agency is reached by HTTP, and the agency: what it got, under which key, and how often."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from sites import TestSite, bundle, order, patient, task

LINK = '''
"""A link that posts each dispatch with its key, and cannot ask what arrived."""

import httpx2
from casebridge import Probe, Receipt, Settings, hookimpl
from casebridge.core.errors import TryAgain


class PostSettings(Settings):
    url: str


class Post:
    name, Settings, window = "post", PostSettings, 20

    def __init__(self, settings, context):
        self.url, self.client = settings.url, httpx2.Client(timeout=5)

    def receive(self, cursor):
        yield from ()

    def settle(self, payload, outcome):
        """Nothing comes in here."""

    def send(self, dispatch, key):
        for file in dispatch.files:
            try:
                self.client.post(self.url, content=file.data, headers={"Idempotency-Key": key}).raise_for_status()
            except httpx2.HTTPError as error:
                raise TryAgain("CB-401", "the agency does not answer") from error
        return Receipt()

    def find(self, dispatch, key):
        return None

    def probe(self):
        return Probe(True, "an agency")

    def close(self):
        self.client.close()


@hookimpl
def register_links(register):
    register(Post)
'''


class Agency:
    """Everything it was sent; ``keys`` counts how often each key came."""

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        self.order: list[str] = []  # referrals, each when its key came first
        self.url = ""

    def take(self, key: str, body: bytes) -> None:
        """One request."""
        self.keys[key] += 1
        if self.keys[key] == 1:
            self.order.append(json.loads(body)["referral"])


@contextmanager
def agency() -> Iterator[Agency]:
    """A server that takes everything."""
    known = Agency()

    class Take(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it was killed in mid-sentence
                self.close_connection = True
                return
            known.take(self.headers["Idempotency-Key"], body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever sent it was killed."""

    server = Quiet(("127.0.0.1", 0), Take)
    thread = Thread(target=server.serve_forever)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def posting_site(folder: Path, url: str, to: Agency, more: str = "") -> TestSite:
    """A site whose food referrals go to ``to``, by a link of the site's own."""
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "post_link.py").write_text(LINK)
    return TestSite(folder, store=url, treatment="treatment", agency_carrier="post", more=more,
                    agency_settings=f'{{ url = "{to.url}" }}')  # fmt: skip


def fill(folder: Path, referrals: int, a_file: int, first: int = 0) -> None:
    """Referrals lie ready in the hospital's folder, so many a file; their numbers begin with ``first``."""
    place = folder / "hospital" / "in"
    place.mkdir(parents=True, exist_ok=True)
    for start in range(first, first + referrals, a_file):
        found = []
        for n in range(start, min(start + a_file, first + referrals)):
            focus = {"focus": {"reference": f"ServiceRequest/s{n}"}}
            found += [task(id_=f"t{n}", person=f"p{n}") | focus, order(person=f"p{n}") | {"id": f"s{n}"},
                      patient(f"p{n}", f"8996{n:05}")]  # fmt: skip
        whole = folder / f"{start:05}.json"  # a worker may be looking already
        whole.write_text(json.dumps(bundle(*found)))
        whole.rename(place / whole.name)
