"""Who we are at a partner's FHIR server: what each request says of us, and to whom it never does."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from pathlib import Path

import httpx2

from casebridge import Context
from casebridge.core.errors import SetupError
from casebridge.core.signing_keys import SigningKeys
from casebridge_fhir.server import Server, origin
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.smart import KeptToken, Smart
from casebridge_fhir.smart_client import MAX_BYTES, SmartClient
from casebridge_fhir.tls import tls_context


class OneOrigin(httpx2.Auth):
    """Signs in at the server we were told of and nowhere else: on another origin a request says nothing of us."""

    def __init__(self, auth: httpx2.Auth, base_url: str) -> None:
        self._auth, self._home = auth, origin(base_url)

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The flow of the wrapped sign-in, or the bare request."""
        if origin(str(request.url)) != self._home:
            yield request
        else:
            yield from self._auth.sync_auth_flow(request)


class Bearer(httpx2.Auth):
    """A fixed bearer token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The request with the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class Unable(httpx2.Auth):
    """Nothing is sent as long as what we would sign in with is not in order; other partners go on meanwhile."""

    def __init__(self, error: SetupError) -> None:
        self._error = error

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Raises the SetupError before anything is sent."""
        raise SetupError(self._error.code, self._error.message, remedy=self._error.remedy)
        yield request  # what makes a flow of it


class SignIn:
    """What a client of one partner's server is made with: ``auth`` and ``tls``. ``smart`` asks for tokens, if we do."""

    def __init__(
        self, settings: RestSettings, context: Context, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self.tls: ssl.SSLContext | None = None
        self.smart: SmartClient | None = None
        self.trouble: SetupError | None = None  # why nothing can be sent
        self._unsigned: Server | None = None
        try:
            self.tls = tls_context(settings, Path(context.base_dir))
            auth = self._smart(settings, context, transport) if settings.auth == "smart" else _fixed(settings)
        except SetupError as error:
            self.trouble, auth = error, Unable(error)
        self.auth = OneOrigin(auth, settings.base_url) if auth else None

    def close(self) -> None:
        """Let go of connections."""
        if self._unsigned:
            self._unsigned.close()

    def _smart(self, settings: RestSettings, context: Context, transport: httpx2.BaseTransport | None) -> httpx2.Auth:
        keys = SigningKeys.of(Path(context.base_dir), context.partner, context.environment)
        small = settings.model_copy(update={"max_bytes": MAX_BYTES})
        tls = tls_context(settings, Path(context.base_dir), elsewhere=True)
        self._unsigned = Server(small, transport, tls=tls)
        self.smart = SmartClient(settings, keys, self._unsigned)
        return Smart(KeptToken(self.smart.ask))


def _fixed(settings: RestSettings) -> httpx2.Auth | None:
    if settings.auth == "token" and settings.token is not None:
        return Bearer(settings.token.get_secret_value())
    if settings.auth == "basic" and settings.password is not None:
        return httpx2.BasicAuth(settings.user, settings.password.get_secret_value())
    return None
