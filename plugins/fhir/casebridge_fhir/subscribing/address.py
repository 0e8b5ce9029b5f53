"""Where a partner's server notifies us, and what it shows there: nobody can guess either."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from pydantic import SecretStr

from casebridge import Context

DOOR = "fhir-notify"
MAILTO = "mailto:"


@dataclass(frozen=True, slots=True)
class Address:
    """Made of the site's secret for this partner and environment, the same in every process and after a restart.
    ``key`` is the last step of the path, ``token`` the bearer token; both empty without a secret, and for a mailbox."""

    url: str = ""
    key: str = ""
    token: str = ""

    @classmethod
    def of(cls, secret: SecretStr | None, context: Context) -> Address:
        """The address of one partner."""
        if secret is None:
            return cls()
        key, token = (_made(secret, what, context) for what in ("path", "token"))
        return cls(f"{context.partners_url.rstrip('/')}/{DOOR}/{key}", key, token)


    @classmethod
    def of_mailbox(cls, address: str) -> Address:
        """Where it writes to; nothing is shown there."""
        return cls(f"{MAILTO}{address}")

    @property
    def by_mail(self) -> bool:
        """Is it told by e-mail?"""
        return self.url.startswith(MAILTO)


def _made(secret: SecretStr, what: str, context: Context) -> str:
    text = "\0".join(("fhir-notify", what, context.partner, context.environment))
    return hmac.new(secret.get_secret_value().encode(), text.encode(), hashlib.sha256).hexdigest()
