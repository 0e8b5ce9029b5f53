"""Which recipients a referral goes to: the first route of casebridge.toml that fits it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from casebridge.engine.site import Route, Site
from casebridge.store.referrals import StoredReferral

NO_MORE_TRIES = frozenset({"declined-by-client"})
"""Details after which nobody else is asked by itself: the client does not want it."""


def fitting(site: Site, referral: StoredReferral) -> Route | None:
    """The route of a referral, or None."""
    facts = {"source": referral.source, "domain": referral.domain, "category": referral.category}
    return next((r for r in site.routes if r.fits(kind="referral", **facts)), None)


def left_to_try(found: Route, children: Iterable[StoredReferral]) -> Sequence[str]:
    """Whom the route names for a further try and who was not asked yet, in its order."""
    asked = {child.recipient for child in children}
    return [name for name in found.then if name not in asked]
