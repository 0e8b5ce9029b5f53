"""Sending mail: what the links ``mail`` and ``web-form`` share."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from casebridge import Probe, Settings
from casebridge.core.errors import CaseBridgeError, RecordError, SetupError, TryAgain
from casebridge.core.within import within

MailAddress = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;:\"()\\]{1,64}@[A-Za-z0-9.-]{1,255}$")]
"""One plain address; no display name, so that nothing can slip into a header."""

OneLine = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,150}$")]


class SmtpSettings(Settings):
    """How to reach the mail server, and between whom the mail goes."""

    host: str = Field(description="The mail server")
    port: int = Field(587, gt=0, lt=65536, description="Its port")
    security: Literal["starttls", "tls", "plain"] = Field(
        "starttls", description="plain is taken only for a server on this machine"
    )
    ca_file: str = Field("", description="Certificates to trust, if not the system's")
    user: str = Field("", description="Our account there, if it asks for one")
    password: SecretStr = Field(SecretStr(""), description="Of that account")
    timeout: float = Field(30.0, gt=0, le=300, description="Seconds to wait for a connection and for each answer")
    total_timeout: float = Field(120.0, gt=0, le=3600, description="Seconds for a message, however slow the answers")
    sender: MailAddress = Field(description="The address the mail comes from")
    to: MailAddress = Field(description="One address; use a distribution address for several people")

    @model_validator(mode="after")
    def _no_clear_text_over_a_network(self) -> Self:
        if self.security == "plain" and not on_this_machine(self.host):
            raise ValueError(f"security = \"plain\" is only for a mail server on this machine, not {self.host}")
        return self


def on_this_machine(host: str) -> bool:
    """Whether ``host`` is a loopback address or ``localhost``."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def compose(settings: SmtpSettings, subject: str, text: str, key: str) -> EmailMessage:
    """A plain-text message; the same ``key`` gives the same Message-ID, so that a repeat is recognisable."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"], message["To"], message["Subject"] = settings.sender, settings.to, subject
    message["Message-ID"] = message_id(settings.sender, key)
    message["Date"] = formatdate(localtime=False)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(text)
    return message


def message_id(sender: str, key: str) -> str:
    """``<digest of key@the sender's domain>``."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{sender.rpartition('@')[2]}>"


def post(settings: SmtpSettings, message: EmailMessage) -> None:
    """Hand ``message`` to the server. Raises TryAgain, SetupError or RecordError by what the server says."""
    handed = threading.Event()

    def hand_over(until: float) -> None:
        taken = False
        try:
            with _session(settings) as session:
                handed.set()
                if time.monotonic() >= until:
                    raise TimeoutError  # nobody listens any more: it counts as not sent
                session.send_message(message)
                taken = True
        except (smtplib.SMTPException, OSError):
            if not taken:  # what it says as we leave changes nothing
                raise

    with _errors_sorted(settings, handed):
        within(settings.total_timeout, hand_over)


def reach(settings: SmtpSettings) -> Probe:
    """Whether the server takes us, without sending anything."""
    try:
        with _errors_sorted(settings, threading.Event()):
            within(settings.total_timeout, lambda until: _greet(settings))
    except CaseBridgeError as e:
        return Probe(False, e.message)
    return Probe(True, f"the mail server {settings.host}:{settings.port} takes mail from us")


def certificates(settings: SmtpSettings) -> dict[str, date]:
    """The last day of what ``ca_file`` holds, the one that ends first; none where the system's are trusted.

    A file that cannot be read is for ``reach`` to say.
    """
    try:
        trusted = ssl.create_default_context(cafile=settings.ca_file).get_ca_certs() if settings.ca_file else []
    except OSError:
        return {}
    ends = [ssl.cert_time_to_seconds(str(one["notAfter"])) for one in trusted]
    return {"ca_file": datetime.fromtimestamp(min(ends), UTC).date()} if ends else {}


def _greet(settings: SmtpSettings) -> None:
    with _session(settings) as session:
        session.noop()


@contextmanager
def _session(settings: SmtpSettings) -> Iterator[smtplib.SMTP]:
    trust = ssl.create_default_context(cafile=settings.ca_file or None) if settings.security != "plain" else None
    where = (settings.host, settings.port)
    if settings.security == "tls":
        session: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=settings.timeout, context=trust)
    else:
        session = smtplib.SMTP(*where, timeout=settings.timeout)
    with session:
        if settings.security == "starttls":
            session.starttls(context=trust)
        if settings.user:
            session.login(settings.user, settings.password.get_secret_value())
        yield session


@contextmanager
def _errors_sorted(settings: SmtpSettings, handed: threading.Event) -> Iterator[None]:
    """``handed`` says that the message may have arrived."""
    # the server's own words are not repeated: they may quote the message
    where = f"the mail server {settings.host}:{settings.port}"
    try:
        yield
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as e:
        raise _refusal(e, where) from None
    except smtplib.SMTPNotSupportedError:
        raise SetupError("CB-109", f"{where} lacks what security or user ask for (STARTTLS, AUTH)") from None
    except (ssl.SSLError, FileNotFoundError) as e:
        raise SetupError("CB-109", f"no trusted connection to {where}: {e.strerror or type(e).__name__}") from None
    except (smtplib.SMTPException, OSError) as e:
        unsent = not handed.is_set()
        raise TryAgain("CB-401", f"{where} does not answer ({type(e).__name__})", unsent=unsent) from None


def _refusal(error: smtplib.SMTPException, where: str) -> CaseBridgeError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max(code for code, _ in error.recipients.values())
    else:
        code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0
    if code < 500:
        return TryAgain("CB-402", f"{where} asks us to wait (answer {code})")
    if isinstance(error, smtplib.SMTPAuthenticationError) or code in (530, 534, 535, 538):
        return SetupError("CB-106", f"{where} refused user and password (answer {code})")
    return RecordError("CB-305", f"{where} refused the message (answer {code})", field="to")
