"""Who a member is: one id per person, stable from file to file, that shows no personal data.

834: a subscriber (INS01 = Y, INS02 = 18) is known by REF*0F. A dependent carries the *subscriber's* REF*0F, so it gets
an id of its own: from its social security number where there is a usable one, else from what does not change about it
(subscriber, relationship, given name, birth date, birth sequence). Both are hashed, and so is a REF*0F
that may be a social security number, as in employers' files: nine digits, also with a suffix (900190001-01, or an A).

271: a subscriber is known by the member number in NM109, a dependent by a hash of the same facts. So both have the id
they have in the payer's 834.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from casebridge.core.ssn import usable_ssn

_LIKE_SSN = re.compile(r"([0-9][- ]*){8}[0-9]([- ]?[A-Za-z][0-9A-Za-z]?|[- ]+[0-9]{1,3})?")


def identify(member: dict[str, Any], member_ref: str, key: bytes) -> str:
    """``member_id`` of a 2000 loop; ``member_ref`` is the REF01 under which a partner gives each person's own id."""
    own = reference(member, member_ref) if member_ref else ""
    if own:
        return _shown(own, key)
    subscriber = reference(member, "0F")
    if is_subscriber(member):
        return _shown(subscriber, key)
    if ssn := social_security_number(member):
        return digest(key, "ssn", ssn)
    return digest(key, "dependent", subscriber, *_lasting(member.get("INS", {}), member.get("2100A", {})))


def identify_answered(
    loop: dict[str, Any], subscriber: dict[str, Any] | None, asked: str, member_ref: str, key: bytes
) -> str:
    """``member_id`` of a 271: ``loop`` is the person's 2100, ``subscriber`` the subscriber's where another is meant.

    Whom no number tells is known by the whole name and the birth date; where part of that is missing, by ``asked`` as
    well, the question they were named in: rather one person twice than two people as one.
    """
    own = reference(loop, member_ref) if member_ref else ""
    if own or (own := loop["NM1"].get("09", "") if subscriber is None else ""):
        return _shown(own, key)
    if ssn := usable_ssn(reference(loop, "SY")):
        return digest(key, "ssn", ssn)
    lasting = _lasting(loop.get("INS", {}), loop)
    if holder := (subscriber or {}).get("NM1", {}).get("09", ""):
        return digest(key, "dependent", holder, *lasting)
    name = loop["NM1"].get("03", ""), *lasting
    return digest(key, "named", *name, "" if all((name[0], *likeness(loop))) else asked)


def is_subscriber(member: dict[str, Any]) -> bool:
    """INS01 = Y and INS02 = 18 (self); anything else only shares the subscriber's number."""
    ins = member.get("INS", {})
    return bool(ins.get("01") == "Y" and ins.get("02") == "18")


def reference(member: dict[str, Any], qualifier: str) -> str:
    """REF02 of the first REF of the loop with this REF01, or nothing."""
    return next((ref.get("02", "") for ref in member.get("REF", ()) if ref.get("01") == qualifier), "")


def likeness(loop: dict[str, Any]) -> tuple[str, str]:
    """Given name and birth date of a name loop, to tell whether two loops of one id can be one person."""
    return loop.get("NM1", {}).get("04", "").casefold(), loop.get("DMG", {}).get("02", "")


def social_security_number(member: dict[str, Any]) -> str:
    """The nine digits of 2100A NM109 where NM108 = 34 and they tell people apart, or nothing."""
    name = member.get("2100A", {}).get("NM1", {})
    return usable_ssn(name.get("09", "")) if name.get("08") == "34" else ""


def digest(key: bytes, *parts: str) -> str:
    """``h-`` and 32 hexadecimal digits; keyed when the partner's settings have an ``id_key``."""
    text = "\x1f".join(" ".join(part.casefold().split()) for part in parts)
    return "h-" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def _lasting(ins: dict[str, Any], loop: dict[str, Any]) -> tuple[str, ...]:
    given, birth = loop.get("NM1", {}).get("04", ""), loop.get("DMG", {}).get("02", "")
    return ins.get("02", ""), given, birth, ins.get("17", "")


def _shown(value: str, key: bytes) -> str:
    """The number itself, unless it may be a social security number. What else the row says must not matter: a change
    (INS03 = 001) repeats little of it, and is of the same person."""
    if _LIKE_SSN.fullmatch(value.strip()):
        return digest(key, "ssn", value.replace("-", "").replace(" ", ""))
    return value
