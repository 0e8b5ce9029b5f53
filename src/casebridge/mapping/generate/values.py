"""Plain values that look like what stands in records and never like a real person.

Names are trees and stones, telephone numbers end in 0100 to 0199 (reserved for fiction), social security numbers begin
with 900 (never issued). Among the texts are those that break careless programs: ``no``, ``001``, quotes and accents.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from casebridge.core.jsontext import Number

TEXTS = (
    "Alder", "Birch", "Cedar", "O'Aspen", "Ünal-Birke", "Elm, Suite 4", "no", "001", "1e5", "Quartz & Slate", "a|b",
    "Fir (upper)", "Null", "Ñandubay", "Larch\tLane", "  spaced  ", "Opal", "Hazel", "x" * 70, "Rowan:3", "檜",
)  # fmt: skip
_FIRST_DAY = date(1931, 1, 1)
_DAYS = 36_000
_ZONES = ("", "Z", "-07:00", "+05:30")
_BY_FIELD = {
    "state": ("CA", "NV", "AZ", "TX"), "zip": ("92501", "00501", "92501-0100"), "country": ("US", "MX"),
    "code": ("A1", "04", "zz-9", "315-7"), "language": ("en", "es", "vi"),
    "system": ("urn:example:a", "urn:example:b", "http://codes.example/c"),
}  # fmt: skip


def text(rng: Random, field: str = "") -> str:
    """A short text; some fields have their usual look."""
    usual = _BY_FIELD.get(field)
    if usual and rng.random() < 0.8:
        return rng.choice(usual)
    found = rng.choice(TEXTS)
    return found if rng.random() < 0.5 else f"{found} {rng.randrange(100)}"


def day(rng: Random) -> str:
    """A day that exists: 1987-02-20."""
    return (_FIRST_DAY + timedelta(days=rng.randrange(_DAYS))).isoformat()


def partial_date(rng: Random) -> str:
    """A date as far as it is known: 1974, 1974-12 or 1974-12-25."""
    return day(rng)[: rng.choice((4, 7, 10, 10, 10))]


def date_time(rng: Random) -> str:
    """A date and time, with or without seconds, a fraction and a zone."""
    clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}"
    second = rng.choice(("", f":{rng.randrange(60):02}", f":{rng.randrange(60):02}.250"))
    return f"{day(rng)}T{clock}{second}{rng.choice(_ZONES)}"


def moment(rng: Random) -> str:
    """A partial date or a date and time."""
    return partial_date(rng) if rng.random() < 0.7 else date_time(rng)


def money(rng: Random) -> str:
    """An amount as the case model keeps it, trailing zeros and all."""
    return rng.choice(("0", "72.50", "-4.00", str(rng.randrange(10_000)), f"{rng.randrange(100)}.10"))


def number(rng: Random) -> int | Number:
    """A number of a JSON record, with its own spelling."""
    return rng.choice((0, -3, rng.randrange(1000), Number("72.50"), Number("1e-7"), Number("3.00")))


def reference(rng: Random, word: str) -> str:
    """A reference to another record: ``Patient/p-12``, or only the id where no word is known."""
    own = f"{(word or 'r')[0].lower()}-{rng.randrange(40)}"
    return f"{word}/{own}" if word else own
