"""The first stop's work: a stream becomes a stored payload, or is recognised as one we have."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import BinaryIO

from casebridge.adapter import Outcome, Payload, Screening
from casebridge.core.errors import CaseBridgeError, Held, RecordError
from casebridge.engine.keys import TYPE, fitting
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import is_elsewhere, known
from casebridge.store import ledger, payloads
from casebridge.store.database import Connection

log = logging.getLogger(__name__)
IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spooled:
    """A payload read once: its bytes at hand, its digest and size known."""

    body: BinaryIO
    digest: str
    size: int


def spool(stream: BinaryIO, limit: int, name: str) -> Spooled:
    """Read the stream to memory or a temporary file; RecordError CB-304 beyond ``limit`` bytes."""
    body = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  (closed by the caller)
    digest, size = hashlib.sha256(), 0
    with ExitStack() as failed:
        failed.callback(body.close)
        while part := stream.read(payloads.PART):
            size += len(part)
            if size > limit:
                raise RecordError("CB-304", f"{name} has more than {limit} bytes")
            digest.update(part)
            body.write(part)
        failed.pop_all()
    body.seek(0)
    return Spooled(body, digest.hexdigest(), size)  # type: ignore[arg-type]


def screened(partner: Partner, spooled: Spooled) -> Spooled:
    """Without what may never be stored; the same when there is no such thing. RecordError when nobody can tell."""
    if not isinstance(partner.format, Screening):
        return spooled
    with closing(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)) as rest, ExitStack() as failed:
        failed.callback(spooled.body.close)
        some_is_left_out = partner.format.screen(spooled.body, rest)  # type: ignore[arg-type]
        if not some_is_left_out:
            failed.pop_all()
            spooled.body.seek(0)
            return spooled
        rest.seek(0)
        return spool(rest, partner.max_bytes, "what may be kept")  # type: ignore[arg-type]


def taken(partner: Partner, payload: Payload) -> Spooled | CaseBridgeError:
    """The payload read to its end, without what may not be stored; or why it cannot be stored at all.

    Raises what its stream raises: a payload that breaks off was not received.
    """
    try:
        spooled = spool(payload.stream, partner.max_bytes, payload.name)
    except RecordError as error:
        return error
    try:
        return screened(partner, spooled)
    except Exception as error:
        if is_elsewhere(error):
            raise
        return known(error)


def keep(
    c: Connection, site: Site, partner: Partner, payload: Payload, spooled: Spooled | CaseBridgeError
) -> tuple[Outcome, str | None]:
    """Payload and cursor in one commit. (what to tell the sender, the id of the new message if there is work)"""
    now = site.now()
    if payload.cursor is not None:
        payloads.set_cursor(c, partner.name, payload.cursor, now)
    if isinstance(spooled, CaseBridgeError):
        return _refuse(c, site, partner, payload, spooled), None
    with closing(spooled.body):
        identity = _identity(partner, spooled)
        token = token_of(payload) if identity is None else None
        before = payloads.repeated(c, partner.name, identity, spooled.digest, token)
        if before is not None:
            payloads.count_repeat(c, before)
            return Outcome("duplicate", message="it came before and was counted"), None
        conflict = payloads.has_identity(c, partner.name, identity)
        id_ = payloads.add(
            c, partner=partner.name, name=fitting(payload.name), media_type=fitting(payload.media_type)[:TYPE],
            digest=spooled.digest, size=spooled.size, identity=identity, state="conflict" if conflict else "stored",
            now=now, body=spooled.body, token=token)  # fmt: skip
    held = _conflict_reason(identity) if conflict else {}
    message = ledger.add(
        c, now, direction="in", partner=partner.name, kind="payload", payload=id_, external_id=identity,
        stop="accept" if conflict else "understand", state="held" if conflict else "waiting", **held)  # fmt: skip
    ledger.note(c, now, "held" if conflict else "accepted", message=message, partner=partner.name,
                stop="accept", code=held.get("code"))  # fmt: skip
    if conflict:
        return Outcome("held", held["code"], held["reason"]), None
    return Outcome("accepted"), message


def token_of(payload: Payload) -> str | None:
    """The link's handle as the books know it; None when it has none, and so nobody to tell."""
    return hashlib.sha256(payload.token.encode(errors="surrogatepass")).hexdigest() if payload.token else None


def _refuse(c: Connection, site: Site, partner: Partner, payload: Payload, error: CaseBridgeError) -> Outcome:
    """A payload that could not be stored at all: a held message says so, and the sender's file is set aside."""
    held = {"direction": "in", "partner": partner.name, "kind": "payload", "stop": "accept", "state": "held"}
    if not ledger.listed(c, **held, reason=error.message):
        position = {"file": fitting(payload.name)}
        message = ledger.add(c, site.now(), **held, **ledger.why(error), position=position)
        ledger.note(c, site.now(), "held", message=message, partner=partner.name, stop="accept", code=error.code)
    return Outcome("held", error.code, error.message)


def _identity(partner: Partner, spooled: Spooled) -> str | None:
    """The format's key for the payload; a format that fails at it gives none, and the payload is kept all the same."""
    try:
        identity = partner.format.identity(spooled.body)
        return None if identity is None else fitting(identity)
    except Exception as error:  # noqa: BLE001 - a format is a stranger's code
        log.error("%s: unexpected %s while looking for the key", partner.format.name, type(error).__name__)
        return None
    finally:
        spooled.body.seek(0)


def _conflict_reason(identity: str | None) -> dict[str, str]:
    error = Held("CB-501", f"a payload with the same key ({identity}) but other content came before", who="partner")
    return ledger.why(error)
