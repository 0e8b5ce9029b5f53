"""What a recipient of a referral does not need, whatever the rules of release would permit it.

Several are asked and one will help: until it has accepted, an agency learns what is asked for and not whom it is about
(45 CFR 164.502(b)). And when nobody may contact the client about a request (SDOHCC: the code
``contacting-subject-prohibited`` in ServiceRequest.orderDetail), nobody gets what it could be done with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from casebridge.core.referral import BEGUN
from casebridge.engine.site import Partner
from casebridge.store.referrals import StoredReferral

BEFORE_IT_ACCEPTS = ("id", "languages", "labels")
"""Of the person: what decides whether one can help at all. Labels, for what is under a wall stays there."""
NOBODY_YET = {"use": "anonymous", "text": "The name is told to the agency that accepts"}
FREE_TEXT = ("note",)
"""Of the referral and its order: a sentence can name anybody."""
WAYS_TO_CONTACT = ("telecoms", "addresses")


def without_what_is_not_needed(
    partner: Partner, referral: StoredReferral, said: Mapping[str, Any], slice_: Mapping[str, Any]
) -> dict[str, Any]:
    """The slice as it may be decided on for a partner; the source, whose own it is, is told all.

    ``said`` is what the source asks for. A slice may be of the whole referral, or of one record beside it.
    """
    kept = dict(slice_)
    if partner.name == referral.source:
        return kept
    if said.get("do_not_contact") is True:
        kept = _without(kept, "person", lambda name: name in WAYS_TO_CONTACT)
    if referral.sort == "offer" and referral.status not in BEGUN:
        kept = _without(kept, "person", lambda name: name not in BEFORE_IT_ACCEPTS)
        if "person" in kept:
            kept["person"] = {**kept["person"], "names": [NOBODY_YET]}
        for slot in ("referral", "document"):
            kept = _without(kept, slot, lambda name: name in FREE_TEXT)
    return kept


def _without(slice_: dict[str, Any], slot: str, goes: Callable[[str], bool]) -> dict[str, Any]:
    if slot not in slice_:
        return slice_
    return {**slice_, slot: {name: value for name, value in slice_[slot].items() if not goes(name)}}
