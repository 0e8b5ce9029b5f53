"""Open referrals that a partner has no more: told to a person once, who decides whether they were withdrawn.

Nothing is ended by itself: a server that was set up anew, or shows us less than before, has withdrawn nobody's
referral. After each look for news a few open referrals are asked for, in turn, so that all of them come round.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, closing

from casebridge.core.errors import Held
from casebridge.core.remaining import Remaining
from casebridge.engine import intake
from casebridge.engine.site import Partner, Site
from casebridge.store import ledger, payloads, records, referrals
from casebridge.store.database import Connection

AT_ONCE = 50
Write = Callable[[], AbstractContextManager[Connection]]


def look(site: Site, partner: Partner, write: Write) -> None:
    """Ask for some of the open referrals that the partner has, and hold those that are gone. Raises what the link
    raises."""
    link, name = partner.link, f"{partner.name} still there"
    if not isinstance(link, Remaining):
        return
    with site.store.read() as c:
        place = payloads.get_cursor(c, name) or ""
        some = referrals.open_at(c, partner.name, place, AT_ONCE)
        asked = {theirs: ours for ours, theirs in some if not _told(c, partner, ours)}
    gone = link.missing(list(asked)) if asked else {}
    then = some[-1][0] if len(some) == AT_ONCE else ""
    if not gone and then == place:
        return
    with write() as c:
        payloads.set_cursor(c, name, then, site.now())
        held = [_hold(c, site, partner, link, asked[theirs], theirs, why) for theirs, why in gone.items()]
    for message in held:
        site.tell("payload", partner=partner.name, message=message, stop="accept", state="held")


def _told(c: Connection, partner: Partner, referral: str) -> bool:
    return bool(ledger.listed(c, partner=partner.name, correlation=referral, kind="payload"))


def _hold(
    c: Connection, site: Site, partner: Partner, link: Remaining, referral: str, theirs: str, why: str
) -> str:  # fmt: skip
    """A held message; let go, it says of the referral that it is cancelled."""
    remote, now = records.remote_of(c, partner.name, "referral", referral), site.now()
    data = link.taken_away(remote.original) if remote and remote.original else None
    payload = None if data is None else _kept(c, partner, data, now)
    message = ledger.add(
        c, now, direction="in", partner=partner.name, kind="payload", payload=payload, external_id=theirs,
        correlation=referral, stop="accept", state="held", **ledger.why(Held("CB-536", f"{partner.title}: {why}")))
    ledger.note(c, now, "held", message=message, partner=partner.name, stop="accept", correlation=referral,
                code="CB-536")  # fmt: skip
    return message or ""


def _kept(c: Connection, partner: Partner, data: bytes, now: str) -> str:
    spooled = intake.spool(io.BytesIO(data), partner.max_bytes, "taken away")
    with closing(spooled.body):
        return payloads.add(
            c, partner=partner.name, name="taken-away.json", media_type="application/json", digest=spooled.digest,
            size=spooled.size, identity=None, state="conflict", now=now, body=spooled.body)  # fmt: skip
