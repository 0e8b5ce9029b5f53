"""What the page says, from the released document: only what is in it, in plain words."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from casebridge.core.moments import local

STATUS_WORDS = {
    "waiting": "Waiting for your answer",
    "accepted": "Accepted by you",
    "in-progress": "Accepted by you, under way",
    "on-hold": "On hold",
    "completed": "Completed. Nothing more to do",
    "rejected": "Declined. Nothing more to do",
    "failed": "Ended without the service. Nothing more to do",
    "cancelled": "Cancelled by the sender. Please do nothing more",
    "entered-in-error": "Sent by mistake. Please do nothing more",
}


TAKEN = "Another agency has taken it. Please do nothing more"


@dataclass(frozen=True, slots=True)
class Fact:
    """One labelled line or list of the page; a line with an address in ``hrefs`` can be tapped."""

    label: str
    lines: tuple[str, ...]
    hrefs: tuple[str, ...] = ()


def status_words(document: Mapping[str, Any], *, sent: bool = False) -> str:
    """The referral's state as a person would say it; ``sent``: they have just accepted it on this page."""
    if sent:
        return "Your answer has arrived" if is_offer(document) else "Accepted by you"
    if document.get("status") == "cancelled" and document.get("detail") == "taken":
        return TAKEN
    return STATUS_WORDS.get(str(document.get("status")), "Sent to you")


def is_offer(document: Mapping[str, Any]) -> bool:
    """Were several asked, and nobody has it yet? Then it names nobody."""
    return any(name.get("use") == "anonymous" for name in listed(document, "names"))


def about_request(document: Mapping[str, Any], zone: str) -> list[Fact]:
    """What is asked for, until when, and whom to call."""
    return _filled({
        "Service": [said(document, "service")],
        "Kind of need": [_spoken(said(document, "domain"))],
        "Urgency": [_spoken(said(document, "priority"))],
        "Needed by": [moment_words(said(document, "needed_by"), zone)],
        "Needs": [_need(need) for need in listed(document, "needs")],
        "Note from the sender": [said(document, "note")],
        "Whom to call about this referral": [said(document, "contact")],
        "Reference": [said(document, "referral")],
    })


def about_person(document: Mapping[str, Any]) -> list[Fact]:
    """Who it is for and how to reach them; a number marked unsafe is never shown."""
    warning = "Do not contact the person yourself. Call the sender." if document.get("do_not_contact") is True else ""
    first = _filled({
        "Important": [warning],
        "Name": [_name(name) for name in listed(document, "names") if _current(name)],
    })
    reach = [(_telecom(t), _href(t)) for t in listed(document, "telecoms") if _telecom(t)]
    telecoms = [Fact("Phone or e-mail", *map(tuple, zip(*reach, strict=True)))] if reach else []
    return first + telecoms + _filled({"Language": [_language(each) for each in listed(document, "languages")]})


def moment_words(text: str, zone: str) -> str:
    """A moment with a zone in the site's zone; anything less exact as it was written."""
    if "T" not in text:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{local(moment, ZoneInfo(zone)):%A, %d %B %Y, %H:%M %Z}" if moment.tzinfo else text


def _filled(facts: Mapping[str, list[str]]) -> list[Fact]:
    made = (Fact(label, tuple(filter(None, lines))) for label, lines in facts.items())
    return [fact for fact in made if fact.lines]


def said(holder: Mapping[str, Any], name: str) -> str:
    """The text under a name; nothing for what is no text: a withheld leaf is not shown, and not hinted at."""
    value = holder.get(name)
    return value.strip() if isinstance(value, str) else ""


def listed(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The groups of a list; nothing for what is none."""
    found = document.get(name)
    yield from (item for item in found if isinstance(item, Mapping)) if isinstance(found, list) else ()


def _spoken(code: str) -> str:
    return code.replace("-", " ").replace("_", " ").capitalize()


def _name(name: Mapping[str, Any]) -> str:
    given = name.get("given")
    parts = [*(given if isinstance(given, list) else []), said(name, "family")]
    return said(name, "text") or " ".join(filter(None, parts))


def _telecom(telecom: Mapping[str, Any]) -> str:
    value = said(telecom, "value")
    if not value or telecom.get("safe_to_contact") is False or not _current(telecom):
        return ""
    safe = "safe to use" if telecom.get("safe_to_contact") is True else ""
    best = said(telecom, "best_time")
    notes = ", ".join(filter(None, [said(telecom, "use"), safe, f"best time: {best}" if best else ""]))
    return f"{value} ({notes})" if notes else value


def _href(telecom: Mapping[str, Any]) -> str:
    value, system = said(telecom, "value"), said(telecom, "system")
    if system in ("phone", "sms") and re.fullmatch(r"\+?[\d .()-]{3,30}", value):
        return "tel:" + re.sub(r"[^+\d]", "", value)
    return f"mailto:{value}" if system == "email" and re.fullmatch(r"[\w.+-]+@[\w.-]+", value, re.ASCII) else ""


def _language(language: Mapping[str, Any]) -> str:
    code = said(language, "code")
    name = language_names().get(code.split("-")[0].lower(), code)
    return f"{name}, needs an interpreter" if language.get("interpreter") is True else name


def _need(need: Mapping[str, Any]) -> str:
    domain = _spoken(said(need, "domain"))
    texts = [text for text in (said(code, "text") for code in listed(need, "codes")) if text and text != domain]
    return ": ".join(filter(None, [domain, ", ".join(texts)]))


def _current(item: Mapping[str, Any]) -> bool:
    return said(item, "use") != "old" and not said(item, "ended")


@cache
def language_names() -> dict[str, str]:
    """English names by ISO 639-1 code, from ``data/languages.csv``."""
    text = files("casebridge_carriers").joinpath("data/languages.csv").read_text(encoding="utf-8")
    return dict(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
