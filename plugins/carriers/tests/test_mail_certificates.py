"""Until when the certificates are good that a mail server's settings name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from casebridge_carriers.form_link import WebFormLink
from casebridge_carriers.mail import MailLink
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from casebridge import Context
from casebridge.adapter import Expiring

LINKS = [MailLink, WebFormLink]


def authority(last: date) -> bytes:
    """A made-up certificate authority that ends on a day."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    until = datetime(last.year, last.month, last.day, 12, tzinfo=UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(until - timedelta(days=900)).not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM)


def link(kind: type, ca_file: str) -> Expiring:
    settings = kind.Settings(host="mail.example", sender="a@site.example", to="b@site.example", ca_file=ca_file)
    made: Expiring = kind(settings, Context("mail"))
    return made


@pytest.mark.parametrize("kind", LINKS)
def test_the_one_that_ends_first_counts(kind: type, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority(date(2031, 5, 1)) + authority(date(2030, 2, 3)))
    made = link(kind, str(file))
    assert isinstance(made, Expiring)
    assert made.expiries() == {"ca_file": date(2030, 2, 3)}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("ca_file", ["", "nowhere.pem"])
def test_where_nothing_is_named_or_there_nothing_ends(kind: type, ca_file: str) -> None:
    assert link(kind, ca_file).expiries() == {}
