"""The schema of the records that the form and the notice hold (for maps)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from casebridge import Natives
from casebridge.core.native import Element
from casebridge_carriers.form_answers import ANSWERS
from casebridge_carriers.form_page import STATUS_WORDS


def _group(fields: Mapping[str, Element], *, many: bool = False, about: str = "") -> Element:
    return Element("group", many=many, about=about, children=lambda: fields)


_TEXT, _DATE, _YES_NO = Element(), Element("date"), Element("boolean")
_ID = Element(required=True, about="the referral's id")

_ANSWER = _group({
    "referral": _ID,
    "answer": Element(codes=frozenset(ANSWERS), required=True, about="what the partner answers"),
    "nonce": Element(required=True, about="tells one answer from another"),
    "reason": _TEXT, "outcome": _TEXT, "detail": _TEXT, "at": Element("moment", about="when they answered"),
    "outputs": _group({"code": _TEXT, "text": _TEXT}, many=True, about="what was done, made of the outcome"),
}, about="one answer on the page")  # fmt: skip

_NEED = _group({
    "domain": _TEXT,
    "codes": _group({"system": _TEXT, "code": _TEXT, "text": _TEXT}, many=True),
}, many=True)  # fmt: skip
_NAME = _group({
    "use": _TEXT, "family": _TEXT, "given": Element(many=True), "text": _TEXT, "ended": _DATE,
}, many=True)  # fmt: skip
_TELECOM = _group({
    "system": _TEXT, "use": _TEXT, "value": _TEXT, "safe_to_contact": _YES_NO, "best_time": _TEXT, "ended": _DATE,
}, many=True)  # fmt: skip

_ANSWERED = Element("any", many=True, about="questions and answers, as the case model has them")

_REFERRAL = _group({
    "referral": _ID,
    "status": Element(codes=frozenset({*STATUS_WORDS, "draft"}), about="where the referral stands"),
    "detail": _TEXT, "service": _TEXT, "domain": _TEXT, "priority": _TEXT, "needed_by": _DATE, "note": _TEXT,
    "contact": _TEXT, "do_not_contact": _YES_NO, "names": _NAME, "telecoms": _TELECOM, "needs": _NEED,
    "languages": _group({"code": _TEXT, "interpreter": _YES_NO, "preferred": _YES_NO}, many=True),
    "documents": _group({"title": _TEXT, "type": _TEXT, "date": _DATE}, many=True),
    "assessments": _group({"title": _TEXT, "date": _DATE, "answers": _ANSWERED}, many=True),
}, about="what the partner sees")  # fmt: skip

_CHANGE = _group({
    "referral": _ID, "what": Element(about="a code for what changed; the text leaves it out"),
}, about="a neutral notice")  # fmt: skip

_ALARM = _group({
    "referral": _TEXT, "text": Element(required=True, about="what rang, nothing of a client"),
    "call": Element(about="the partner it is about, and whom to call there"),
}, about="an alarm for the site's duty queue")  # fmt: skip

FORM = {"referral": _REFERRAL, "answer": _ANSWER}
NOTICE = {"change": _CHANGE, "alarm": _ALARM}


def _form(record: str, shape: Mapping[str, Any], folder: Path) -> Element | None:
    return FORM.get(record)


def _notice(record: str, shape: Mapping[str, Any], folder: Path) -> Element | None:
    return NOTICE.get(record)


NATIVES = (Natives("form", tuple(FORM), _form), Natives("notice", tuple(NOTICE), _notice))
