"""The subscriptions of partners at our doors, and whether a partner may see what one would tell of."""

from __future__ import annotations

from dataclasses import dataclass

from casebridge.core.subscriptions import Happened, Subscription
from casebridge.engine.shelving import may_see, trouble_told
from casebridge.engine.site import Partner, Site
from casebridge.store import subscriptions
from casebridge.store.database import Connection


@dataclass(frozen=True, slots=True)
class SiteSubscriptions:
    """See ``casebridge.core.subscriptions.Subscriptions``."""

    site: Site

    def keep(self, partner: str, subscription: Subscription, most: int) -> Subscription | None:
        """Make it, or put it instead of what is there."""
        with trouble_told(), self.site.store.write(one_worker=True) as c:
            others = [one for one in subscriptions.listed(c, partner) if one.id != subscription.id]
            return subscriptions.put(c, partner, subscription, self.site.now()) if len(others) < most else None

    def get(self, partner: str, id_: str) -> Subscription | None:
        """One of them."""
        with trouble_told(), self.site.store.read() as c:
            return subscriptions.get(c, partner, id_)

    def listed(self, partner: str) -> list[Subscription]:
        """All of a partner's."""
        with trouble_told(), self.site.store.read() as c:
            return subscriptions.listed(c, partner)

    def end(self, partner: str, id_: str) -> bool:
        """Take it away."""
        with trouble_told(), self.site.store.write() as c:
            return subscriptions.end(c, partner, id_)

    def happened(self, partner: str, id_: str, first: int, last: int, limit: int) -> list[Happened]:
        """What happened from one number to another, of what may still be seen."""
        with trouble_told(), self.site.store.read() as c:
            found = subscriptions.between(c, partner, id_, first, last, limit)
        seen = visible(self.site, self.site.partners[partner], found)
        return [one for one in found if (one.type, one.id) in seen]


class _Looked(Exception):
    """Carries what was seen out of a transaction that leaves nothing behind."""

    def __init__(self, seen: set[tuple[str, str]]) -> None:
        super().__init__()
        self.seen = seen


def visible(site: Site, partner: Partner, found: list[Happened]) -> set[tuple[str, str]]:
    """Which of these records the partner could read now. Nothing of it is on the books: nothing was shown."""
    try:
        with site.store.write() as c:
            raise _Looked(_visible(c, site, partner, {(one.type, one.id) for one in found}))
    except _Looked as looked:
        return looked.seen


def _visible(c: Connection, site: Site, partner: Partner, names: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {name for name in sorted(names) if may_see(c, site, partner, *name)}
