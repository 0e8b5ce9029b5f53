"""Plain words for what the books write in codes (``data/words.csv``), and moments in the site's zone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from casebridge.core import facts
from casebridge.core.case import PLURALS
from casebridge.core.moments import local
from casebridge.store.database import iso

_PHONE = re.compile(r"(?<![\w+(-])((?:\+?1[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])?\d{3}[-.]\d{4})(?![\w-])")


@cache
def _words() -> dict[tuple[str, str], str]:
    return {(r["sort"], r["code"]): r["words"] for r in facts.rows("casebridge.web", "words.csv")}


def say(code: str, sort: str) -> str:
    """The words of a code; one without words is said as it is, dashes and underlines as spaces."""
    return _words().get((sort, code)) or code.replace("_", " ").replace("-", " ")


def said_paths(paths: Iterable[str], *, exact: bool = False) -> list[tuple[str, str]]:
    """Case paths as (record, its fields) in words; ``exact`` also says which part of a field.

    >>> said_paths(["person.names[0].family", "person.birth", "needs[0].domain"])
    [('Client', 'names, date of birth'), ('Need 1', 'kind of need')]
    >>> said_paths(["referral.service.code"], exact=True)
    [('Referral', 'service (code)')]
    """
    found: dict[str, dict[str, None]] = {}
    for path in paths:
        record, _, field = path.partition(".")
        field = re.sub(r"\[[^\]]*\]|\([^)]*\)", "", field)
        fields = found.setdefault(_record(record), {})
        if field:
            name, _, part = field.partition(".")
            fields[say(name, "field") + (f" ({say(part, 'part')})" if part and exact else "")] = None
    return [(record, ", ".join(fields)) for record, fields in found.items()]


def _record(slot: str) -> str:
    """``needs[1]`` is the second need of the slice: which of two stayed must be plain."""
    name, _, number = slot.rstrip("]").partition("[")
    return f"{say(PLURALS[name], 'record')} {int(number) + 1}" if number.isdecimal() else say(name, "record")


def kind_words(kind: str, purpose: str = "") -> str:
    """What a message is: the answer to a referral is a referral going back."""
    if kind == "referral" and purpose == "referral-status":
        kind = purpose
    known = ("kind", kind) in _words()
    return say(kind, "kind") if known else f"A record ({kind})"


def short(id_: str) -> str:
    """The end of an id: what people read to each other on the telephone."""
    return id_[-6:]


def moment(text: str, zone: ZoneInfo) -> str:
    """A moment as written by the books or a partner, in the site's zone, the zone shown; a date stays a date.

    >>> moment("2026-03-02T15:04:05.000000Z", ZoneInfo("America/New_York"))
    '2 Mar 2026, 10:04 EST'
    """
    if not text or len(text) < 11:
        return _day(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    if when.tzinfo is None:
        return f"{when.day} {when:%b %Y, %H:%M} (zone not given)"
    here = local(when, zone)
    return f"{here.day} {here:%b %Y, %H:%M %Z}"


def brief(text: str, zone: ZoneInfo, year: str) -> str:
    """The same without the zone, and without the number of this ``year``.

    >>> brief("2026-03-02T15:04:05.000000Z", ZoneInfo("America/New_York"), "2026")
    '2 Mar, 10:04'
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    here = local(when, zone) if when.tzinfo else when
    day = f"{here.day} {here:%b}" if str(here.year) == year else f"{here.day} {here:%b %Y}"
    return day if len(text) < 11 else f"{day}, {here:%H:%M}"


def age(since: str, now: str) -> str:
    """How long ago, in the largest two units that say something; "" for never.

    >>> age("2026-03-02T15:04:05.000000Z", "2026-03-04T16:04:05.000000Z")
    '2 d 1 h'
    """
    if not since:
        return ""
    seconds = max(0, round((datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds()))
    units = (("d", seconds // 86400), ("h", seconds // 3600 % 24), ("min", seconds // 60 % 60), ("s", seconds % 60))
    first = next((place for place, (_, number) in enumerate(units) if number), 3)
    return " ".join(f"{number} {unit}" for unit, number in units[first : first + 2] if number or unit == "s")


def amount(number: int, *, more: bool = False, about: bool = False) -> str:
    """A count, and what is not known of it.

    >>> amount(10000, more=True), amount(1234, about=True)
    ('more than 10,000', 'about 1,234')
    """
    return f"{'more than ' if more else 'about ' if about else ''}{number:,}"


def size(number: int) -> str:
    """Bytes in words.

    >>> size(1_500_000), size(3 * 10**9)
    ('1.5 MB', '3.0 GB')
    """
    unit, name = (10**9, "GB") if number >= 10**9 else (10**6, "MB")
    return f"{number / unit:,.1f} {name}"


def contact(text: str) -> Markup:
    """Who to call, each telephone number a link that never breaks.

    >>> str(contact("Front desk, 555-0133"))
    'Front desk, <a class="phone" href="tel:5550133">555-0133</a>'
    """
    parts = _PHONE.split(text)
    return Markup("").join(_dialled(part) if number % 2 else escape(part) for number, part in enumerate(parts))


def _dialled(number: str) -> Markup:
    dialled = "".join(c for c in number if c in "+0123456789")
    return Markup('<a class="phone" href="tel:{}">{}</a>').format(dialled, number)


def machine(text: str) -> str:
    """The value of ``<time datetime>``: to the second, in UTC where the zone is known; empty where there is none."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if len(text) < 11 or when.tzinfo is None:
        return text
    there = local(when, UTC)
    return "" if there.utcoffset() else f"{iso(there)[:19]}Z"


def _day(text: str) -> str:
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {day:%b %Y}"
