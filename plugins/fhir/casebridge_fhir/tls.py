"""Mutual TLS: the certificate we show, whom we trust, and until when both are good."""

from __future__ import annotations

import re
import ssl
import stat
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import httpx2
from cryptography import x509

from casebridge.core.errors import SetupError
from casebridge_fhir.settings import RestSettings

_ABOUT_OURS = re.compile(r"ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)")


def tls_context(settings: RestSettings, base: Path, *, elsewhere: bool = False) -> ssl.SSLContext | None:
    """What connections are made with, or None where nothing is set; relative paths start at ``base``.

    ``elsewhere``: the system's authorities are trusted beside ``ca_file``, for a token endpoint that is not the
    hospital's own. Raises SetupError CB-114 when our own certificate, its key or ``ca_file`` cannot be used, CB-145
    when others may read the key.
    """
    if not (settings.ca_file or settings.client_cert_file):
        return None
    trust = _trusting(settings, base, elsewhere)
    if settings.client_cert_file:
        _show(trust, settings, base)
    return trust


def expiries(settings: RestSettings, base: Path) -> Mapping[str, date]:
    """The last day of the certificate we show and of those we trust, the one that ends first, by setting.

    A file that cannot be read is for the first connection to say.
    """
    named = {"client_cert_file": settings.client_cert_file, "ca_file": settings.ca_file}
    ends = {name: list(_last_days(base / path)) for name, path in named.items() if path}
    return {name: min(days) for name, days in ends.items() if days}


def refusal(error: BaseException) -> SetupError | None:
    """What a connection that failed says of certificates, if it failed for them: no time will mend it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        remedy = "Ask the partner for a certificate in order; or name the one to trust under ca_file."
        return SetupError("CB-109", f"the server's certificate is not trusted: {cause.verify_message}", remedy=remedy)
    if isinstance(cause, ssl.SSLError) and _ABOUT_OURS.search(cause.reason or ""):
        return SetupError("CB-114", f"the server does not accept the certificate that we show, if any ({cause.reason})")
    return None


def _trusting(settings: RestSettings, base: Path, elsewhere: bool) -> ssl.SSLContext:
    if not settings.ca_file:
        return httpx2.create_ssl_context(settings.verify_tls)
    file = str(base / settings.ca_file)
    try:
        if not elsewhere:
            return ssl.create_default_context(cafile=file)
        trust = httpx2.create_ssl_context()
        trust.load_verify_locations(file)
        return trust
    except OSError as e:
        raise SetupError("CB-114", f"ca_file: {settings.ca_file} cannot be used ({_reason(e)})") from None


def _show(trust: ssl.SSLContext, settings: RestSettings, base: Path) -> None:
    key_file = settings.client_key_file or settings.client_cert_file
    _refuse_if_others_read(base / key_file)
    password = settings.client_key_password.get_secret_value() if settings.client_key_password else ""
    try:
        trust.load_cert_chain(base / settings.client_cert_file, base / key_file, password)  # "" never asks a person
    except OSError as e:
        named = " and ".join(dict.fromkeys([settings.client_cert_file, key_file]))
        raise SetupError("CB-114", f"the client certificate {named} cannot be used ({_reason(e)})") from None


def _refuse_if_others_read(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as e:
        raise SetupError("CB-114", f"{path} cannot be read ({_reason(e)})") from None
    if mode & (stat.S_IWGRP | stat.S_IRWXO) and not path.is_relative_to("/run/secrets"):  # a container's own
        raise SetupError("CB-145", f"{path} holds our private key and others may use it: chmod g-w,o-rwx {path}")


def _last_days(path: Path) -> Iterator[date]:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return
    yield from (one.not_valid_after_utc.date() for one in found)


def _reason(error: OSError) -> str:
    """OpenSSL's reason in words, such as ``KEY_VALUES_MISMATCH``; it quotes nothing of the files."""
    return getattr(error, "reason", "") or error.strerror or type(error).__name__
