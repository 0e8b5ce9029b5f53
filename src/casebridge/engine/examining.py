"""How far we get at each partner, step by step: what ``casebridge doctor`` shows."""

from __future__ import annotations

from collections.abc import Iterator

from casebridge.adapter import Examined
from casebridge.core.steps import Step
from casebridge.engine.site import Partner, Site
from casebridge.store import payloads


def examined(site: Site, partner: Partner) -> Iterator[Step]:
    """Each step at one partner, and when something last came from it. Changes nothing, here or there."""
    if partner.link is None:
        yield Step("link", True, "nothing to reach: this partner has no link of its own")
    elif isinstance(partner.link, Examined):
        yield from partner.link.examine()
    else:
        probe = partner.link.probe()
        remedy = "" if probe.ok else "Correct what is named; docs/adapters has a page for each carrier."
        yield Step("link", probe.ok, probe.message, remedy, "" if probe.ok else "it")
    yield last_heard(site, partner)


def last_heard(site: Site, partner: Partner) -> Step:
    """When the last payload came: silence where there should be none is seen here first."""
    with site.store.read() as c:
        when, count = payloads.received(c).get(partner.name, ("", 0))
    if not count:
        return Step("last heard", True, "nothing has come from this partner yet")
    return Step("last heard", True, f"{when[:16].replace('T', ' ')} UTC; payloads so far: {count}")
