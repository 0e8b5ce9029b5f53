"""SMART Backend Services as a server: partners' systems get short access tokens for our FHIR door."""

from casebridge_fhir.smart_server.clients import Client, SmartClientSettings, client
from casebridge_fhir.smart_server.gate import Answer, Gate, NotSignedIn, Once
from casebridge_fhir.smart_server.grants import Grant, allows
from casebridge_fhir.smart_server.routes import configuration, router
from casebridge_fhir.smart_server.tokens import AccessTokens, token_secret

__all__ = [
    "AccessTokens",
    "Answer",
    "Client",
    "Gate",
    "Grant",
    "NotSignedIn",
    "Once",
    "SmartClientSettings",
    "allows",
    "client",
    "configuration",
    "router",
    "token_secret",
]
