"""One setting says how we sign in; configurations from before it go on."""

from __future__ import annotations

import pytest
from casebridge_fhir.settings import RestSettings
from pydantic import ValidationError

BASE = {"base_url": "https://hospital.example/fhir"}


@pytest.mark.parametrize(
    ("given", "auth"),
    [
        ({}, "none"),
        ({"token": "t"}, "token"),
        ({"token": ""}, "none"),
        ({"user": "u", "password": "p"}, "basic"),
        ({"client_id": "c"}, "smart"),
        ({"client_cert_file": "c.pem"}, "none"),
        ({"client_id": "c", "client_cert_file": "c.pem", "client_key_file": "k.pem"}, "smart"),
        ({"auth": "smart", "client_id": "c", "token_url": "https://login.example/token?tenant=1"}, "smart"),
    ],
)
def test_the_way_is_told_from_what_is_given(given: dict[str, str], auth: str) -> None:
    assert RestSettings(**BASE, **given).auth == auth


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"auth": "token"}, 'auth = "token" needs token'),
        ({"auth": "basic", "user": "u"}, 'auth = "basic" needs password'),
        ({"user": "u"}, 'auth = "basic" needs password'),
        ({"auth": "smart"}, 'auth = "smart" needs client_id'),
        ({"token": "t", "client_id": "c"}, 'say how we sign in: auth = "token" or "smart"'),
        ({"auth": "smart", "token": "t", "client_id": "c"}, 'token: not used with auth = "smart"; take it away'),
        ({"auth": "none", "token": "t"}, 'token: not used with auth = "none"'),
        ({"scopes": "system/*.read"}, 'scopes: not used with auth = "none"'),
        ({"client_key_file": "k.pem"}, "client_key_file needs client_cert_file"),
        ({"client_id": "c", "token_url": "http://login.example/token"}, "plain http is allowed on this machine only"),
        ({"client_id": "c", "token_url": "https://u:p@login.example/token"}, "put the credential into a setting"),
        ({"auth": "kerberos"}, "Input should be"),
    ],
)
def test_what_does_not_fit_together_is_said(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("(", r"\(")):
        RestSettings(**BASE, **given)


def test_no_secret_is_shown() -> None:
    secrets = {"token": "s3cret"}, {"user": "u", "password": "s3cret"}, {"client_key_password": "s3cret"}
    assert all("s3cret" not in repr(RestSettings(**BASE, **given)) for given in secrets)
