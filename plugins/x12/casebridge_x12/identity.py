"""Who a member is: one id per person, stable from file to file, that shows no personal data.

A subscriber (INS01 = Y, INS02 = 18) is known by REF*0F. A dependent carries the *subscriber's* REF*0F, so it gets an id
of its own: from its social security number where there is a usable one, else from what does not change about it
(subscriber, relationship, given name, birth date, birth sequence). Both are hashed, and so is a REF*0F of nine digits,
which in employers' files is the social security number.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

SSN_DIGITS = 9


def identify(member: dict[str, Any], member_ref: str, key: bytes) -> str:
    """``member_id`` of a 2000 loop; ``member_ref`` is the REF01 under which a partner gives each person's own id."""
    own = reference(member, member_ref) if member_ref else ""
    if own:
        return _shown(own, key)
    subscriber = reference(member, "0F")
    if is_subscriber(member):
        return _shown(subscriber, key)
    name = member.get("2100A", {}).get("NM1", {})
    ssn = name.get("09", "") if name.get("08") == "34" else ""
    if usable_ssn(ssn):
        return digest(key, "ssn", ssn)
    return digest(key, "dependent", subscriber, *_lasting(member))


def is_subscriber(member: dict[str, Any]) -> bool:
    """INS01 = Y and INS02 = 18 (self); anything else only shares the subscriber's number."""
    ins = member.get("INS", {})
    return bool(ins.get("01") == "Y" and ins.get("02") == "18")


def reference(member: dict[str, Any], qualifier: str) -> str:
    """REF02 of the first REF of the 2000 loop with this REF01, or nothing."""
    return next((ref.get("02", "") for ref in member.get("REF", ()) if ref.get("01") == qualifier), "")


def likeness(member: dict[str, Any]) -> tuple[str, str]:
    """Given name and birth date, to tell whether two loops of one id can be one person."""
    loop = member.get("2100A", {})
    given = " ".join(loop.get("NM1", {}).get("given", ()))
    return given.casefold(), loop.get("DMG", {}).get("02", "")


def usable_ssn(ssn: str) -> bool:
    """Nine digits that can be a person's number: no area 000, 666 or 9xx, no group 00, no serial 0000, no filler.

    Source: SSA, numbers never assigned. Fillers like 999999999 stand for newborns and would make siblings one person.
    """
    if len(ssn) != SSN_DIGITS or not ssn.isdecimal() or len(set(ssn)) == 1:
        return False
    area, group, serial = ssn[:3], ssn[3:5], ssn[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def digest(key: bytes, *parts: str) -> str:
    """``h-`` and 32 hexadecimal digits; keyed when the partner's settings have an ``id_key``."""
    text = "\x1f".join(" ".join(part.casefold().split()) for part in parts)
    return "h-" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def _lasting(member: dict[str, Any]) -> tuple[str, ...]:
    ins, loop = member.get("INS", {}), member.get("2100A", {})
    given = loop.get("NM1", {}).get("given", ())
    return (ins.get("02", ""), given[0] if given else "", loop.get("DMG", {}).get("02", ""), ins.get("17", ""))


def _shown(value: str, key: bytes) -> str:
    return digest(key, "ssn", value.replace("-", "")) if _nine_digits(value) else value


def _nine_digits(value: str) -> bool:
    digits = value.replace("-", "")
    return len(digits) == SSN_DIGITS and digits.isdecimal()
