"""Which recipients a referral goes to: the first route of casebridge.toml that fits it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from casebridge.engine import capacity
from casebridge.engine.site import Route, Site
from casebridge.store import ledger
from casebridge.store.database import Connection
from casebridge.store.referrals import StoredReferral

NO_MORE_TRIES = frozenset({"declined-by-client"})
"""Details after which nobody else is asked by itself: the client does not want it."""


def fitting(site: Site, referral: StoredReferral) -> Route | None:
    """The route of a referral, or None."""
    facts = {"source": referral.source, "domain": referral.domain, "category": referral.category}
    return next((r for r in site.routes if r.fits(kind="referral", **facts)), None)


def first(c: Connection, site: Site, found: Route, referral: StoredReferral) -> Sequence[str]:
    """Whom a referral goes to at first; where all of them are full, one who was to be asked next. Empty: all are."""
    return _with_room(c, site, found, referral, found.to) or _with_room(c, site, found, referral, found.then)[:1]


def next_one(
    c: Connection, site: Site, found: Route, referral: StoredReferral, children: Iterable[StoredReferral]
) -> Sequence[str]:  # fmt: skip
    """Whom the route names for a further try and who was not asked yet: one or nobody."""
    asked = {child.recipient for child in children}
    return _with_room(c, site, found, referral, [name for name in found.then if name not in asked])[:1]


def _with_room(
    c: Connection, site: Site, found: Route, referral: StoredReferral, names: Sequence[str]
) -> Sequence[str]:  # fmt: skip
    """Those who have room, as far as they say; who was left out for it is put on the books."""
    full = [name for name in names if found.skip_full and capacity.is_full(c, site, name, referral.domain)]
    for name in full:
        ledger.note(c, site.now(), "passed-over", partner=name, stop="apply", correlation=referral.id)
    return [name for name in names if name not in full]
