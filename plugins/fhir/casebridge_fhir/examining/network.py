"""The way to a server before a word of FHIR is spoken: its name, its port, its certificate."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cryptography import x509
from cryptography.x509.oid import NameOID

from casebridge import Step
from casebridge_fhir.examining.findings import Words, quoted
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.sign_in_settings import is_loopback
from casebridge_fhir.tls import refusal

SOON = 30  # days before its end that a certificate is spoken of
_VERDICTS = {9: "not-yet", 10: "ended", 62: "other-name", 64: "other-name", 18: "unknown-issuer", 19: "unknown-issuer",
             20: "unknown-issuer", 21: "unknown-issuer"}  # OpenSSL's X509_V_ERR_*  # fmt: skip
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_OLD = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "HANDSHAKE_FAILURE_ON_CLIENT_HELLO")


class Way:
    """The way to one server. Each step needs the one before it."""

    def __init__(self, settings: RestSettings, trust: ssl.SSLContext, words: Words) -> None:
        parts = urlsplit(settings.base_url)
        self.host, self.secure = parts.hostname or "", parts.scheme == "https"
        self.port = parts.port or (443 if self.secure else 80)
        self._settings, self._trust, self._words = settings, trust, words
        self._addresses: list[str] = []
        words.facts |= {"host": self.host, "port": self.port}

    def steps(self) -> Iterator[Step]:
        """Name and connection, as far as it gets; through a proxy it is the proxy that sees them."""
        if self._proxy():
            for name in ("name", "connection", "certificate"):
                yield Step(name, True, f"not tried: we go through the proxy {self._proxy()}", tried=False)
            return
        for look in (self.name, self.connection):
            step = look()
            yield step
            if not step.ok:
                return

    def _proxy(self) -> str:
        """Host and port of the proxy that the environment names for this address (HTTPS_PROXY, NO_PROXY)."""
        if is_loopback(self.host) or proxy_bypass(self.host):
            return ""
        return urlsplit(getproxies().get("https" if self.secure else "http", "")).netloc.rpartition("@")[2]

    def name(self) -> Step:
        """Has the name an address?"""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (UnicodeError, socket.gaierror) as e:
            silent = isinstance(e, socket.gaierror) and e.errno == socket.EAI_AGAIN
            return self._words.step("name", "no-name-server" if silent else "unknown")
        self._addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        return self._words.step("name", "found", addresses=", ".join(self._addresses))

    def connection(self) -> Step:
        """Does somebody listen at the port?"""
        try:
            with closing(self._connected()):
                return self._words.step("connection", "open")
        except TimeoutError:
            return self._words.step("connection", "silent", seconds=self._settings.connect_timeout)
        except ConnectionRefusedError:
            return self._words.step("connection", "refused")
        except OSError as e:
            return self._words.step("connection", "no-way", reason=e.strerror or type(e).__name__)

    def certificate(self) -> Iterator[Step]:
        """Is the server who it should be, and for how long?"""
        if self._proxy():
            return
        if not self.secure:
            yield self._words.step("certificate", "none-here")
            return
        try:
            yield self._shown(self._trust)
        except ssl.SSLCertVerificationError as e:
            yield self._words.step("certificate", _VERDICTS.get(e.verify_code, "not-trusted"),
                                   reason=e.verify_message, **self._seen())  # fmt: skip
        except ssl.SSLError as e:
            yield self._words.step("certificate", _failure(e), reason=e.reason or "no reason given")
        except OSError as e:
            yield self._words.step("certificate", "cut", reason=e.strerror or type(e).__name__)

    def _shown(self, trust: ssl.SSLContext) -> Step:
        with closing(self._connected()) as connection, trust.wrap_socket(connection, server_hostname=self.host) as tls:
            found, version = described(tls.getpeercert(binary_form=True)), tls.version()
        finding = "trusted" if found["days"] >= SOON else "ends-soon"
        return self._words.step("certificate", finding, version=version, **found)

    def _seen(self) -> dict[str, Any]:
        """What the server shows, taken without trust; nothing is said to it."""
        anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        try:
            with closing(self._connected()) as plain, anyone.wrap_socket(plain, server_hostname=self.host) as tls:
                return described(tls.getpeercert(binary_form=True))
        except OSError:
            return described(None)

    def _connected(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), self._settings.connect_timeout)


def described(certificate: bytes | None) -> dict[str, Any]:
    """For whom a certificate (DER) is, who issued it, and until when it is good, as days from today."""
    if not certificate:
        return {"names": "unknown", "issuer": "unknown", "ends": "unknown", "days": 0}
    found = x509.load_der_x509_certificate(certificate)
    ends = found.not_valid_after_utc
    return {"names": quoted(", ".join(_names(found)) or "no name"), "issuer": quoted(_called(found.issuer)),
            "ends": ends.date(), "days": (ends - datetime.now(UTC)).days}  # fmt: skip


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [_called(certificate.subject)]
    return [*named.get_values_for_type(x509.DNSName), *map(str, named.get_values_for_type(x509.IPAddress))]


def _called(name: x509.Name) -> str:
    found = [*name.get_attributes_for_oid(NameOID.COMMON_NAME), *name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return str(found[0].value) if found else "nobody named"


def _failure(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if any(mark in reason for mark in _NO_TLS):
        return "no-tls"
    if any(mark in reason for mark in _OLD):
        return "old"
    return "ours-refused" if refusal(error) else "cut"
