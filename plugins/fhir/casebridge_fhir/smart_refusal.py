"""What a token endpoint's refusal means, and who must do what about it (RFC 6749, 5.2).

Of its answer only the error code is shown: its free text is its own.
"""

from __future__ import annotations

import re
from datetime import timedelta

from casebridge.core.errors import SetupError
from casebridge.core.jsontext import loads
from casebridge_fhir.server import Answer

_CODE = re.compile(r"[a-z_]{1,40}")
_RIGHTS = frozenset({"invalid_scope"})
_KIND = frozenset({"unauthorized_client", "unsupported_grant_type"})


def error_code(answer: Answer) -> str:
    """``invalid_client`` and the like, or nothing."""
    try:
        body = loads(answer.body) if answer.body else None
    except ValueError:
        return ""
    code = body.get("error") if isinstance(body, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def refusal(answer: Answer, where: str, client_id: str, kid: str, scopes: str, skew: timedelta) -> SetupError:
    """The error for an answer of the token endpoint ``where`` that is no token; ``skew`` is their clock less ours."""
    code = error_code(answer)
    said = f"the token endpoint {where} answers {answer.status}" + (f" ({code})" if code else "")
    if code in _RIGHTS:
        return SetupError("CB-112", f"{said}: client {client_id} may not have all of what we ask for: {scopes}")
    if code in _KIND:
        remedy = "Ask the partner to register our client id for SMART Backend Services (client_credentials)."
        return SetupError("CB-111", f"{said}: client {client_id} is not registered for this way", remedy=remedy)
    if 300 <= answer.status < 400 or (not code and answer.status in (404, 405, 406, 410, 415)):
        return SetupError("CB-110", f"{said}: no tokens are given there")
    late = f"; its clock and ours differ by {abs(skew).total_seconds():.0f} seconds" if skew else ""
    return SetupError("CB-111", f"{said}: client {client_id} is not mapped there, or not with our key {kid}{late}")
