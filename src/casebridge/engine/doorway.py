"""All a door can do: show what is released for a token, and submit an answer for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from casebridge.adapter import Link, Native, Payload, Submitted
from casebridge.core.errors import CaseBridgeError
from casebridge.core.released import Released
from casebridge.engine import flow, listening
from casebridge.engine.moving import TAKEN
from casebridge.engine.preparing import content_of, may_go, outgoing_of, translate
from casebridge.engine.release import Outgoing, release
from casebridge.engine.shelving import SiteShelf, trouble_told
from casebridge.engine.site import Partner, Site
from casebridge.engine.subscribed import SiteSubscriptions
from casebridge.store import ledger, referrals, tokens
from casebridge.store.database import Connection
from casebridge.store.tokens import Grant

REFUSED = Submitted("refused", "This answer could not be taken.")


def wakes_nobody() -> None:
    """Where no lanes run."""


def asks_nobody(partner: str) -> None:
    """Where no lanes run."""


@dataclass(frozen=True)
class SiteDoorway:
    """The doorway of one site for the doors of one name."""

    site: Site
    door: str = ""
    after_submit: Callable[[], None] = wakes_nobody  # wakes the lanes: an answer need not wait for the next pass
    ring: Callable[[str], None] = asks_nobody  # has a partner asked before its time

    @cached_property
    def shelf(self) -> SiteShelf:
        """The shelves of the partners of this door."""
        return SiteShelf(self.site, self.door)

    @cached_property
    def subscriptions(self) -> SiteSubscriptions:
        """Which partners of this door are told of changes."""
        return SiteSubscriptions(self.site)

    def released(self, token: str) -> Released | None:
        """What the bearer may see now, decided anew and on the books; None for a token that opens nothing.

        Raises TryAgain CB-404 while the database does not answer.
        """
        with trouble_told(), self.site.store.write() as c:
            grant = self._grant(c, token)
            message = ledger.get(c, grant.message) if grant else None
            referral = referrals.get(c, grant.referral) if grant else None
            if grant is None or message is None or referral is None:
                return None
            partner = self.site.partners[grant.partner]
            content = content_of(c, self.site, partner, message, referral)
            map_ = partner.map_for("referral", content.slice["referral"])
            if map_ is None:
                return None
            outgoing = outgoing_of(partner, message, referral, map_, content)
            if referral.status in referrals.TERMINAL:
                outgoing = _only_the_state(outgoing)
            released = release(c, self.site, outgoing, partner, None)
            if not may_go(message, released):
                return None
            return translate(c, partner, message, referral, map_, released, onto_theirs=False).released

    def submit(self, token: str, data: bytes, media_type: str) -> Submitted:
        """Accept an answer for the token's own referral; durable when this returns, and applied if it can be.

        Raises TryAgain CB-404 while the database does not answer.
        """
        with trouble_told(), self.site.store.read() as c:
            grant = self._grant(c, token)
        if grant is None:
            return REFUSED
        partner = self.site.partners[grant.partner]
        if not _answers_only(partner, grant, data):
            return REFUSED
        payload = Payload(name="answer", stream=io.BytesIO(data), media_type=media_type)
        with trouble_told():
            outcome = flow.accept(self.site, partner, payload)
        if outcome.state == "held":
            return Submitted("refused", "A different answer with the same number came before.")
        self.after_submit()
        return Submitted(outcome.state)

    def _grant(self, c: Connection, token: str) -> Grant | None:
        """What a token stands for: nothing once its partner is off, or not there, or uses another door."""
        found = tokens.grant(c, token, self.site.now())
        return found if found and found.partner in self.partners else None

    @property
    def partners(self) -> Mapping[str, Link]:
        """The partners of this door, and those whose link opens it."""
        return {p.name: p.link for p in self.site.partners.values() if p.link is not None and p.mode != "off"
                and self.door in (p.link.name, *getattr(p.link, "doors", ()))}  # fmt: skip

    def ask(self, partner: str, missed: int = 0) -> None:
        """Let the partner be asked now. Raises TryAgain CB-404 while the database does not answer."""
        listening.told(self.site, self.ring, partner, missed)


def _only_the_state(outgoing: Outgoing) -> Outgoing:
    """When all is done, whoever still has the link learns that, and no more about the client.

    Whoever was too late for an offer learns it; any other detail tells of the client.
    """
    kept = ("correlation", "status", "labels")  # without its labels it would no longer stand behind its walls
    said = outgoing.slice["referral"]
    referral = {k: v for k, v in said.items() if k in kept or (k == "detail" and v == TAKEN)}
    return replace(outgoing, slice={"referral": referral})


def _answers_only(partner: Partner, grant: Grant, data: bytes) -> bool:
    """The payload is about the referral the token was made for, and about nothing else."""
    try:
        natives = list(partner.format.parse(io.BytesIO(data), {}))
    except CaseBridgeError:
        return False
    return bool(natives) and all(isinstance(n, Native) and n.external_id == grant.referral for n in natives)
