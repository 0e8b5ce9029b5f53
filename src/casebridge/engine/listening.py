"""Partners that are asked before their time: somebody says that there is something new."""

from __future__ import annotations

import logging
from collections.abc import Callable

from casebridge.core.errors import CaseBridgeError
from casebridge.core.listening import Listening
from casebridge.engine.shelving import trouble_told
from casebridge.engine.site import Partner, Site
from casebridge.store import ledger, rounds

log = logging.getLogger(__name__)
Ring = Callable[[str], None]


def told(site: Site, ring: Ring, partner: str, missed: int = 0) -> None:
    """Let the partner be asked now; ``missed`` words before this one did not reach us. Raises TryAgain CB-404 while
    the database does not answer."""
    with trouble_told(), site.store.write() as c:
        rounds.keep(c, partner, site.now())  # a process that dies now asks at its next start
        if missed:
            facts = {"missed": str(missed)}
            ledger.note(c, site.now(), "notification-missed", partner=partner, stop="accept", facts=facts)
    ring(partner)


def listen(site: Site, ring: Ring) -> None:
    """Look wherever partners may have left word. What goes wrong with one is said, and costs the others nothing."""
    for partner in site.partners.values():
        if partner.mode != "off" and isinstance(partner.link, Listening):
            _listen(site, ring, partner, partner.link)


def _listen(site: Site, ring: Ring, partner: Partner, link: Listening) -> None:
    try:
        link.listen(lambda missed: told(site, ring, partner.name, missed))
    except CaseBridgeError as error:
        log.warning("no word of %s can be looked for: %s (%s)", partner.name, error.message, error.code)
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code: the other partners go on
        log.error("looking for word of %s: unexpected %s", partner.name, type(error).__name__)
