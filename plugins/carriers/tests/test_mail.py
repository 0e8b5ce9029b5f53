"""The links ``mail`` and ``web-form`` send neutral messages through a real mail server, and sort its refusals."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from casebridge_carriers.form_link import WebFormLink
from casebridge_carriers.mail import MailLink
from casebridge_carriers.smtp import SmtpSettings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from casebridge import OutFile
from casebridge.core.errors import RecordError, SetupError, TryAgain

WHO = {"sender": "bridge@riverside.example", "to": "desk@foodbank.example"}
REFERRAL = "01JREFERRAL00000000000000A"


def settings(kind: type, port: int, **more: object):
    return kind.Settings(host="127.0.0.1", port=port, security="plain", **WHO, **more)


def text_file(text: str, media_type: str = "text/plain; charset=utf-8") -> OutFile:
    return OutFile("notice-1.txt", text.encode(), media_type, (0,))


@pytest.fixture
def mail(mail_server, context):
    catcher, port = mail_server()
    return catcher, MailLink(settings(MailLink, port), context)


def test_a_notice_arrives_as_rendered_and_a_repeat_has_the_same_message_id(mail, dispatch):
    catcher, link = mail
    notice = dispatch(text_file("Something changed for a référence.\n"))
    receipt = link.send(notice, "key-1")
    link.send(notice, "key-1")
    first, second = catcher.messages
    assert first.get_content().splitlines() == ["Something changed for a référence."]
    assert (first["From"], first["To"]) == ("bridge@riverside.example", "desk@foodbank.example")
    assert first["Subject"] == "A message from CaseBridge"
    assert first["Message-ID"] == second["Message-ID"] == receipt.reference
    assert link.find(notice, "key-1") is None


def test_another_key_is_another_message_id(mail, dispatch):
    catcher, link = mail
    for key in ("key-1", "key-2"):
        link.send(dispatch(text_file("x")), key)
    assert len({message["Message-ID"] for message in catcher.messages}) == 2


def test_nothing_but_plain_text_is_mailed(mail, dispatch):
    catcher, link = mail
    with pytest.raises(SetupError, match="plain text only, not application/json"):
        link.send(dispatch(text_file("{}", "application/json")), "key")
    assert catcher.messages == []


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [("451 later", TryAgain, "CB-402"), ("552 no", RecordError, "CB-305"), ("530 who are you", SetupError, "CB-106")],
)
def test_refusals_are_sorted_by_what_to_do(mail, dispatch, answer, error, code):
    catcher, link = mail
    catcher.answer = answer
    with pytest.raises(error) as refused:
        link.send(dispatch(text_file("x")), "key")
    assert refused.value.code == code
    assert answer[4:] not in str(refused.value)


def test_a_silent_server_is_tried_again(context, dispatch, free_port):
    link = MailLink(settings(MailLink, free_port()), context)
    with pytest.raises(TryAgain, match="does not answer"):
        link.send(dispatch(text_file("x")), "key")
    assert not link.probe().ok


def test_a_wrong_password_is_a_matter_of_set_up(mail_server, context, dispatch):
    def check(server, session, envelope, mechanism, data) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == b"right"
        return AuthResult(success=right, handled=False)

    catcher, port = mail_server(authenticator=check, auth_require_tls=False)
    wrong, right = (MailLink(settings(MailLink, port, user="u", password=p), context) for p in ("wrong", "right"))
    with pytest.raises(SetupError, match="CB-106"):
        wrong.send(dispatch(text_file("x")), "key")
    assert not wrong.probe().ok
    right.send(dispatch(text_file("x")), "key")
    assert len(catcher.messages) == 1
    assert "right" not in repr(right.settings)


def test_a_server_without_starttls_gets_nothing(mail_server, context, dispatch):
    catcher, port = mail_server()
    link = MailLink(MailLink.Settings(host="127.0.0.1", port=port, **WHO), context)
    with pytest.raises(SetupError, match="CB-109"):
        link.send(dispatch(text_file("x")), "key")
    assert catcher.messages == []


def test_clear_text_is_only_for_this_machine():
    with pytest.raises(ValidationError, match="only for a mail server on this machine"):
        SmtpSettings(host="mail.example", security="plain", **WHO)


@pytest.mark.parametrize("to", ["a@b\r\nBcc: x@y", "A <a@b>", "a@b,c@d", "a@b\n", "", "a b@c"])
def test_an_address_cannot_bring_a_header(to):
    with pytest.raises(ValidationError):
        SmtpSettings(host="127.0.0.1", sender="a@b.example", to=to)


def test_a_subject_cannot_bring_a_header():
    with pytest.raises(ValidationError):
        settings(MailLink, 25, subject="Hello\r\nBcc: x@y")


@pytest.fixture
def web_form(mail_server, context):
    catcher, port = mail_server()
    return catcher, WebFormLink(settings(WebFormLink, port), context)


def test_the_message_with_the_link_says_nothing_of_the_client(web_form, dispatch, release):
    catcher, link = web_form
    document = {"referral": REFERRAL, "service": "Food pantry", "names": [{"family": "ABBAS"}], "domain": "food"}
    until = datetime(2026, 12, 5, 17, 0, tzinfo=ZoneInfo("America/New_York"))
    url = "https://bridge.example/web-form/tokentokentoken"
    sent = dispatch(releases=(release(document),), reply_url=url, reply_until=until)
    receipt = link.send(sent, "key")
    (message,) = catcher.messages
    text = message.get_content()
    assert url in text.splitlines()
    assert "for this one referral and works until Saturday, 05 December 2026, 17:00 EST" in text
    assert receipt.things[0].external_id == REFERRAL
    for secret in ("ABBAS", "ood", REFERRAL):
        assert secret not in message.as_string().replace("foodbank", "")


@pytest.mark.parametrize("url", ["", "http://bridge.example/x", "javascript:x", "https://a.example/x\r\nBcc: y"])
def test_a_link_must_be_a_safe_address(web_form, dispatch, release, url):
    catcher, link = web_form
    with pytest.raises(SetupError, match="CB-101"):
        link.send(dispatch(releases=(release({"referral": REFERRAL}),), reply_url=url), "key")
    assert catcher.messages == []


def test_a_link_is_for_one_referral(web_form, dispatch, release):
    _, link = web_form
    two = (release({"referral": "A"}), release({"referral": "B"}))
    with pytest.raises(RecordError, match="for one referral"):
        link.send(dispatch(releases=two, reply_url="https://bridge.example/x"), "key")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[str, str]:
    """A certificate for 127.0.0.1, and its key, as files."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))  # fmt: skip
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_encrypted_to_a_server_with_a_trusted_certificate_and_to_no_other(
    mail_server, certificate, context, dispatch, security
):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    starttls = {"require_starttls": True, "tls_context": server}
    catcher, port = mail_server(**(starttls if security == "starttls" else {"ssl_context": server}))
    where = {"host": "127.0.0.1", "port": port, "security": security, **WHO}
    MailLink(MailLink.Settings(ca_file=certificate[0], **where), context).send(dispatch(text_file("x")), "key")
    stranger = MailLink(MailLink.Settings(**where), context)
    with pytest.raises(SetupError, match=r"no trusted connection.*CB-109"):
        stranger.send(dispatch(text_file("x")), "key")
    assert len(catcher.messages) == 1
