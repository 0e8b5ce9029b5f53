"""The stage: two FHIR servers, a mail catcher, and two bridges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from casebridge.app import Bridge
from casebridge.demo import bridges, direct, fhir, servers
from casebridge.demo.mailbox import Mailbox, open_mailbox
from casebridge.demo.site import DemoSite


@dataclass(frozen=True, slots=True)
class Stage:
    """Everybody who plays. ``bridge`` is the network's; ``energy`` is the one that an agency runs itself."""

    site: DemoSite
    hospital: fhir.Server
    rides: fhir.Server
    mailbox: Mailbox
    bridge: Bridge
    energy: Bridge

    def work(self, until: Callable[[], bool] = lambda: True) -> None:
        """Let the network's bridge do everything that is due, until ``until`` holds."""
        bridges.work(self.bridge, until)


@contextlib.contextmanager
def open_stage(site: DemoSite, hospital_url: str) -> Iterator[Stage]:
    """Everybody is there; whoever was started here ends with the block."""
    direct.make_key(site)
    ours = ["rides"] if hospital_url else ["hospital", "rides"]
    with (
        servers.running({site.folder / name: site.ports[name] for name in ours}, hospital_url),
        fhir.at(hospital_url or site.fhir("hospital"), site.tag) as hospital,
        fhir.at(site.fhir("rides")) as rides,
        open_mailbox(site.folder / "mail", site.ports["mail"]) as mailbox,
        bridges.served(site.network) as bridge,
        bridges.served(site.energy) as energy,
    ):
        yield Stage(site, hospital, rides, mailbox, bridge, energy)
