"""Answers to what cannot be done: a status and an OperationOutcome that says what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from casebridge import MovedOn
from casebridge.core.errors import CaseBridgeError, Held, MapError, RecordError, TryAgain, place_of

log = logging.getLogger(__name__)
CODES = "urn:casebridge:error"
_STATUS = {"CB-303": 400, "CB-304": 413, "CB-347": 422, "CB-348": 400}
_TYPES = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 406: "not-supported",
          409: "conflict", 410: "deleted", 412: "conflict", 413: "too-long", 415: "not-supported", 422: "processing",
          429: "throttled", 500: "exception", 503: "transient"}  # fmt: skip


class Refusal(Exception):
    """What was asked for cannot be done; ``say`` is for people, ``field`` names the element or parameter."""

    def __init__(
        self, status: int, say: str, *, code: str = "", field: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(say)
        self.status, self.say, self.code, self.field, self.headers = status, say, code, field, dict(headers or {})

    def outcome(self) -> dict[str, Any]:
        """The OperationOutcome."""
        issue: dict[str, Any] = {"severity": "error", "code": _TYPES.get(self.status, "processing")}
        if self.code:
            issue["details"] = {"coding": [{"system": CODES, "code": self.code}]}
        issue["diagnostics"] = self.say
        if self.field:
            issue["expression"] = [self.field]
        return {"resourceType": "OperationOutcome", "issue": [issue]}


def refused(error: Exception) -> Refusal:
    """The answer to one of our errors. One we did not think of may quote a record: of it only the kind is told."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, MovedOn) and error.version == 0:
        return Refusal(412, "There is no version of it that you may see, and under this id nothing can be written.")
    if isinstance(error, MovedOn):
        return Refusal(412, f"It is at version {error.version} now. Read it, put your change upon that, send it again.")
    if isinstance(error, TryAgain):
        return Refusal(503, f"{error.message}. Try again.", code=error.code, headers={"Retry-After": "5"})
    if isinstance(error, CaseBridgeError):
        field = error.field if isinstance(error, RecordError) else ""
        status = _STATUS.get(error.code, 422 if isinstance(error, RecordError | MapError | Held) else 500)
        return Refusal(status, f"{error.message}. {error.remedy}", code=error.code, field=field)
    log.error("unexpected %s at %s", type(error).__name__, place_of(error))
    return Refusal(500, "Something unexpected happened; nothing of it was kept. Try again, or call us.", code="CB-901")


def absent(type_: str, id_: str) -> Refusal:
    """Nothing to be seen there: never was, or not for this partner."""
    return Refusal(404, f"There is no {type_}/{id_} that you may see.")
