"""The two addresses of SMART at our FHIR server. Put them before the routes for resource types."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from casebridge.core.jsontext import dumps
from casebridge.core.signing_keys import ALGORITHMS
from casebridge_fhir.smart_discovery import WELL_KNOWN
from casebridge_fhir.smart_server.gate import MAX_BYTES, Gate

BODY_SECONDS = 10
AT_ONCE = 16
"""Tokens asked for at a time: a client's keys may have to be fetched, and slow ones leave room for all else."""
SCOPES = ("system/*.cruds", "system/*.rs", "system/*.read", "system/*.write")


def configuration(gate: Gate, scopes: Iterable[str] = SCOPES) -> dict[str, Any]:
    """``.well-known/smart-configuration`` (SMART App Launch 2.2, conformance): what a client needs to sign in."""
    return {
        "token_endpoint": gate.token_url,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": list(scopes),
        "code_challenge_methods_supported": ["S256"],  # the document must have it, though nobody signs in by browser
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


def router(gate: Gate) -> APIRouter:
    """POST /token and GET /.well-known/smart-configuration, below ``gate.base_url``."""
    found, places = APIRouter(), asyncio.Semaphore(AT_ONCE)

    @found.post("/token", include_in_schema=False)
    async def token(request: Request) -> Response:
        body = await _body(request)
        address = request.client.host if request.client else ""
        kind = request.headers.get("content-type", "")
        async with places:
            answer = await run_in_threadpool(gate.token, kind, body, address)
        return Response(dumps(answer.body), answer.status, dict(answer.headers), "application/json")

    @found.get(f"/{WELL_KNOWN}", include_in_schema=False)
    async def smart_configuration() -> Response:
        return Response(dumps(configuration(gate)), media_type="application/json",
                        headers={"Cache-Control": "max-age=300"})  # fmt: skip

    return found


async def _body(request: Request) -> bytes:
    """The form, or a part of it when it is too long or does not end: both are refused."""
    body = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BYTES:
                    break
            return bytes(body)
    return b""
