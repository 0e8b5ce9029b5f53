"""The door ``jwks``: our public keys, where a partner's token endpoint fetches them."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from pydantic import Field

from casebridge import Context, Doorway, Settings
from casebridge.core.errors import SetupError
from casebridge.core.jsontext import dumps
from casebridge.core.signing_keys import SigningKeys

log = logging.getLogger("casebridge.fhir")


class JwksSettings(Settings):
    """How long they may be kept."""

    max_age: int = Field(3600, gt=0, le=86400, description="Seconds for which a partner may keep what it read")


class JwksDoor:
    """Serves ``/jwks/PARTNER/ENVIRONMENT.json`` for each set of keys that was made. It never opens a private key."""

    name: ClassVar[str] = "jwks"
    Settings: ClassVar[type[Settings]] = JwksSettings

    def __init__(self, settings: JwksSettings, context: Context) -> None:
        self._settings, self._base = settings, Path(context.base_dir)

    def router(self, doorway: Doorway) -> APIRouter:
        """One route; whoever knows no partner's name learns none."""
        router = APIRouter()

        @router.api_route("/{partner}/{environment}.json", methods=["GET", "HEAD"], include_in_schema=False)
        def key_set(partner: str, environment: str, request: Request) -> Response:
            return self._answer(partner, environment, request.headers.get("if-none-match", ""))

        return router

    def _answer(self, partner: str, environment: str, known: str) -> Response:
        try:
            found: dict[str, list[dict[str, Any]]] = SigningKeys.of(self._base, partner, environment).published()
        except SetupError as error:
            if error.code == "CB-101":
                return Response(status_code=404)
            log.warning("the public keys of %s cannot be given out: %s", partner, error.message)
            return Response(status_code=503, headers={"Retry-After": "300"})
        if not found["keys"]:
            return Response(status_code=404)
        body = dumps(found)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"Cache-Control": f"public, max-age={self._settings.max_age}", "ETag": tag}
        if tag in {one.strip().removeprefix("W/") for one in known.split(",")}:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)
