"""Certificates made on the spot: an authority, and what it signs for servers and clients on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from socket import SHUT_WR, socket
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Signs certificates; ``ca.pem`` in its folder is its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder, self._name, self._key = folder, _named(name), ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        own = self._builder(self._name, self._key.public_key(), timedelta(days=30))
        made = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def sign(
        self, name: str, lasts: timedelta = timedelta(days=10), password: bytes = b"", *, for_clients: bool = False
    ) -> tuple[Path, Path]:
        """The files of a certificate for ``name`` on 127.0.0.1 and of its key, which only we may read. ``for_clients``:
        it says that no server may show it."""
        key = ec.generate_private_key(ec.SECP256R1())
        here = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
        made = self._builder(_named(name), key.public_key(), lasts).add_extension(here, critical=False)
        if for_clients:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
        cert, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        cert.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        secret.touch(mode=0o600)
        secret.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))  # fmt: skip
        return cert, secret

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta
    ) -> x509.CertificateBuilder:
        until = datetime.now(UTC) + lasts
        return (
            x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key)
            .serial_number(x509.random_serial_number()).not_valid_before(until - timedelta(days=365))
            .not_valid_after(until)
        )  # fmt: skip


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _leave(number: int) -> None:
    """Close a connection so that the client reads why: what it sent meanwhile is taken first."""
    with socket(fileno=number) as connection, suppress(OSError):
        connection.settimeout(10)
        connection.shutdown(SHUT_WR)
        while connection.recv(4096):
            pass


@contextmanager
def tls_server(
    cert: Path, key: Path, clients: Path | None, body: bytes, seen: list[str],
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> Iterator[str]:  # fmt: skip
    """A server on 127.0.0.1 that answers everything with ``body``. ``clients``: it wants a certificate signed by this
    authority, and writes the name in it to ``seen``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(cert, key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            shown = self.connection.getpeercert() or {}
            seen.append(dict(pair for names in shown.get("subject", ()) for pair in names).get("commonName", ""))
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Listener(ThreadingHTTPServer):
        def finish_request(self, request: object, client_address: object) -> None:
            wrapped = context.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False  # type: ignore[arg-type]
            )
            try:
                wrapped.do_handshake()
            except (ssl.SSLError, OSError):  # a client that is refused is what some tests are about
                _leave(wrapped.detach())
                return
            with wrapped:
                super().finish_request(wrapped, client_address)  # type: ignore[arg-type]

    listener = Listener(("127.0.0.1", 0), Answering)
    thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.server_port}/fhir"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
