"""The play: eight steps. Each looks first whether it has happened, so that a demo that was killed can go on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from types import TracebackType

from casebridge.app import Bridge, alone, open_bridge
from casebridge.demo import partners
from casebridge.demo.hospital import Hospital
from casebridge.demo.mailbox import Mailbox
from casebridge.demo.site import FOOD_BANK, PLANNER, DemoSite, mend_maps
from casebridge.engine import held
from casebridge.web.server import Listeners


@dataclass(slots=True)
class Stage:
    """The bridge between its partners, with its pages served."""

    site: DemoSite
    hospital: Hospital
    mailbox: Mailbox
    bridge: Bridge = field(init=False)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Stage:
        self.raise_curtain()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:  # fmt: skip
        self._open.close()

    def raise_curtain(self) -> None:
        """Open the bridge with the maps as they are now; called again after a map was mended."""
        self._open.close()
        self.bridge = open_bridge(self.site.config)
        self._open.callback(self.bridge.close)
        self._open.enter_context(alone(self.bridge))
        listeners = Listeners(self.bridge)
        listeners.start()
        self._open.callback(listeners.stop)

    @property
    def console_url(self) -> str:
        return self.bridge.site.console_url

    def work(self) -> None:
        """Let the bridge do everything that is due."""
        self.bridge.lanes.drain()


def planner_sends(stage: Stage) -> str:
    """Two people, their orders and two Tasks, on the hospital's own server."""
    stage.hospital.seed()
    return f"Rosa needs food, Marcus a shelter bed. Both are Tasks on {stage.hospital.base_url}."


def hmis_export_arrives(stage: Stage) -> str:
    """The HMIS's nightly export makes its clients known."""
    partners.put_in(stage.site.hmis, "hmis-1.zip", partners.hmis_export("DEMO-1", []))
    stage.work()
    return "Three clients with their enrollments; two of them are the hospital's patients."


def referrals_leave(stage: Stage) -> str:
    """The bridge has polled the hospital, decided what may go, and sent."""
    stage.work()
    mails = stage.mailbox.messages(FOOD_BANK)
    return f"The food bank has {len(mails)} e-mail with a link and no word about Rosa; the shelter's waits for 06:00."


def food_bank_accepts(stage: Stage) -> str:
    """A click on the page; the hospital's Task follows."""
    partners.press(stage.mailbox, "accept")
    stage.work()
    return f"The hospital's Task is now {_status(stage, 'rosa-food')}."


def shelter_answers(stage: Stage) -> str:
    """The morning's export, and the HMIS lead's answer in the next one."""
    stage.bridge.lanes.dispatch_now(stage.bridge.site.partners["coc-hmis"])
    partners.enter_result(stage.site)
    stage.work()
    return f"Event 10 left in the morning's export (the demo does not wait for 06:00); HMIS answered, and the " \
           f"hospital's Task is now {_status(stage, 'marcus-bed')}."  # fmt: skip


def state_sends_834(stage: Stage) -> str:
    """Marcus's coverage ends; one member cannot be read; two are nobody we know."""
    partners.put_in(stage.site.state, "834.txt", files("casebridge.demo").joinpath("data/834.txt").read_bytes())
    stage.work()
    told = len(stage.mailbox.messages(PLANNER))
    waiting = len(held.listed(stage.bridge.site))
    return f"Marcus's coverage ends, and the planner is told ({told} e-mail). Records held: {waiting}. " \
           "Members who are nobody's client here are only counted."  # fmt: skip


def map_is_mended(stage: Stage) -> str:
    """The state uses a code the map does not know: a row is added, and the one record replayed."""
    waiting = held.listed(stage.bridge.site)
    mend_maps(stage.site)
    stage.raise_curtain()
    for message in waiting:
        held.replay(stage.bridge.site, message.id)
    stage.work()
    return f"One row added to the site's map; {len(waiting)} record replayed; now held: " \
           f"{len(held.listed(stage.bridge.site))}."  # fmt: skip


def food_bank_completes(stage: Stage) -> str:
    """The loop closes: completed, with what was done."""
    partners.press(stage.mailbox, "complete", text="Two bags of food, and a place in the Tuesday delivery")
    stage.work()
    return f"The hospital's Task is now {_status(stage, 'rosa-food')}, with a Procedure as its output."


STEPS: tuple[tuple[str, Callable[[Stage], str]], ...] = (
    ("The planner at Mercy Hospital sends two referrals", planner_sends),
    ("The HMIS export of the night arrives", hmis_export_arrives),
    ("CaseBridge finds the clients, decides what may go, and sends", referrals_leave),
    ("The food bank opens the link and accepts", food_bank_accepts),
    ("Morning: the shelter's referral leaves through HMIS, and the answer comes back", shelter_answers),
    ("The state's 834 arrives", state_sends_834),
    ("A map is mended, and the held record goes on", map_is_mended),
    ("The food bank has helped", food_bank_completes),
)


def _status(stage: Stage, task: str) -> str:
    return str((stage.hospital.read(f"Task/{task}") or {}).get("status"))
