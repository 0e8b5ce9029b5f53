"""A notification by e-mail: that there is news, and not a word of what (SDOHCC 3.0.0, checking_task_status)."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP

from casebridge.core.errors import SetupError, TryAgain
from casebridge.core.within import within
from casebridge_fhir.notifying.settings import MAILTO, MailSettings

SILENCE, ALL = 20.0, 60.0  # seconds
WORDS = {
    "handshake": "You will be told here when there is something new for you. Nothing else is to be done.",
    "heartbeat": "Nothing new has happened. This is only to say that you can be reached.",
    "event-notification": "There is something new for you. Sign in as usual to see it.",
}


def send(endpoint: str, kind: str, name: str, key: str, mail: MailSettings) -> None:
    """Hand it to the mail server. The same ``key`` gives the same Message-ID. TryAgain CB-401, SetupError CB-106."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = mail.sender, endpoint.removeprefix(MAILTO)
    message["Subject"] = "CaseBridge: there is something new" if kind == "event-notification" else "CaseBridge"
    message["Message-ID"] = f"<{key}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{WORDS[kind]}\n\nSubscription {name}\n")
    try:
        within(ALL, lambda until: _handed(message, mail))
    except smtplib.SMTPAuthenticationError:
        raise SetupError("CB-106", "the mail server does not take our password") from None
    except (OSError, smtplib.SMTPException) as error:
        raise TryAgain("CB-401", f"the mail server does not take it ({type(error).__name__})") from None


def _handed(message: EmailMessage, mail: MailSettings) -> None:
    context = ssl.create_default_context()
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=SILENCE, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=SILENCE)
    with server:
        if mail.security == "starttls":
            server.starttls(context=context)
        if mail.user:
            server.login(mail.user, mail.password.get_secret_value())
        server.send_message(message)
