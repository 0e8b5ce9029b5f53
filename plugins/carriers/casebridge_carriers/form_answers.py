"""What a partner may answer on the form, in which state, and how an answer travels as JSON.

``{"referral": id, "answer": word, "reason": text, "outcome": text, "detail": code, "at": moment, "nonce": 32 hex}``
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from casebridge.core.errors import Position, RecordError

MAX_TEXT = 2000
MAX_BYTES = 64 * 1024
"""Room for such a text in any script: a character outside ASCII is sent as up to twelve bytes."""


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """One answer: the text it cannot do without (``reason``, ``outcome`` or nothing), and its states of departure."""

    word: str
    needs: str
    offered_in: tuple[str, ...]


ANSWERS = {
    kind.word: kind
    for kind in (
        AnswerKind("accept", "", ("waiting",)),
        AnswerKind("decline", "reason", ("waiting",)),
        AnswerKind("complete", "outcome", ("accepted", "in-progress", "on-hold")),
        AnswerKind("unable", "reason", ("accepted", "in-progress", "on-hold")),
        AnswerKind("start", "", ()),  # read from other forms; ours does not ask a food bank for it
        AnswerKind("hold", "reason", ()),
    )
}

REASONS = {
    "at-capacity": "We are full right now",
    "ineligible": "The person does not qualify for our service",
    "unable-to-reach": "We could not reach the person",
    "no-show": "The person did not come",
    "declined-by-client": "The person does not want the service",
    "declined-by-provider": "Another reason (please write it below)",
}
"""Reasons one can tick, by the referral's ``detail`` (case model, section 3)."""

_SHAPES = {
    "referral": re.compile(r"[A-Za-z0-9._:/-]{1,100}"),
    "answer": re.compile("|".join(ANSWERS)),
    "nonce": re.compile(r"[0-9a-f]{32}"),
    "detail": re.compile(r"[a-z-]{1,40}"),
    "reason": re.compile(rf"(?s).{{1,{MAX_TEXT}}}"),
    "outcome": re.compile(rf"(?s).{{1,{MAX_TEXT}}}"),
    "at": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)"),
}
_REQUIRED = ("referral", "answer", "nonce")


def offered(status: str) -> list[str]:
    """The answers that make sense in this state, in the order of the page."""
    return [kind.word for kind in ANSWERS.values() if status in kind.offered_in]


def write_answer(token: str, page: str, referral: str, fields: Mapping[str, str]) -> bytes:
    """The payload of an answer given on page ``page`` (its nonce). It was given when it came.

    Its own nonce is a digest of token, page and content: a double click is the same answer, a changed text is not; and
    the same answer is the same bytes, whichever process writes them.
    """
    content = {name: text for name, text in fields.items() if text}
    seed = json.dumps([token, page, sorted(content.items())])
    nonce = hashlib.sha256(seed.encode()).hexdigest()[:32]
    answer = {"referral": referral, **content, "nonce": nonce}
    return json.dumps(answer, ensure_ascii=False, sort_keys=True).encode()


def read_answer(stream: BinaryIO) -> dict[str, str]:
    """The answer in ``stream``, checked. Raises RecordError with the field, never the text."""
    answer = _load(stream)
    for name, text in answer.items():
        shape = _SHAPES.get(name)
        if shape is None:
            raise _wrong("a field the form does not have", name, "one of " + ", ".join(_SHAPES))
        if not isinstance(text, str) or not shape.fullmatch(text):
            raise _wrong("a value is not of the expected form", name, shape.pattern, text)
    _complete(answer)
    return answer


def _load(stream: BinaryIO) -> dict[str, Any]:
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise RecordError("CB-304", "the answer is too long", expected=f"at most {MAX_BYTES} bytes")
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        raise RecordError("CB-303", "the answer is not JSON", expected="one JSON object") from None
    if not isinstance(answer, dict):
        raise RecordError("CB-303", "the answer is not an object", expected="one JSON object")
    return answer


def _complete(answer: Mapping[str, str]) -> None:
    needed = [*_REQUIRED, *([ANSWERS[answer["answer"]].needs] if "answer" in answer else [])]
    for name in filter(None, needed):
        if not answer.get(name, "").strip():
            raise RecordError("CB-302", "a required value is missing", position=_at(name), field=name)


def _wrong(message: str, name: str, expected: str, found: object = None) -> RecordError:
    return RecordError("CB-301", message, position=_at(name), field=name, expected=expected, found=found)


def _at(name: str) -> Position:
    return Position(pointer=f"/{name}")
