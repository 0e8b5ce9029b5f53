"""Referrals that may mean one need: of the same client, for the same kind of need, open at the same time.

Two planners refer the same need in the same minute, or somebody turns out to be a client who was referred before. Both
referrals are kept as they are, nothing is merged; the later one is said to be possibly the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from casebridge.engine.site import Site
from casebridge.store import referrals
from casebridge.store.database import Connection
from casebridge.store.referrals import TERMINAL, StoredReferral

MOST = 20


def alike(c: Connection, site: Site, referral: StoredReferral) -> Sequence[StoredReferral]:
    """The others that it may be the same as, the oldest first.

    What a program behind a wall sent is never one of them: that it knows the client is protected itself.
    """
    if not _counts(site, referral):
        return ()
    others = [one for one in referrals.of_client(c, referral.client or "") if one.id != referral.id]
    mine = (one for one in others if one.domain == referral.domain and _counts(site, one))
    return [one for one in mine if referral.parent != one.id and one.parent != referral.id][:MOST]  # no part of itself


def is_second(c: Connection, site: Site, referral: StoredReferral) -> bool:
    """Was there one before that it may be the same as?"""
    return any(one.id < referral.id for one in alike(c, site, referral))


def _counts(site: Site, referral: StoredReferral) -> bool:
    source = site.partners.get(referral.source)
    walled = source is None or source.vsp or source.part2
    return bool(referral.client) and not referral.sort and referral.status not in TERMINAL and not walled
