"""The play: nine steps. Each looks first whether it has happened, so that a demo that was killed can go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files

from casebridge.demo import bridges, direct, partners, rides
from casebridge.demo.fhir import Server
from casebridge.demo.site import ENERGY_DESK, FOOD_BANK, PLANNER, mend_map
from casebridge.demo.stage import Stage
from casebridge.engine import held


def planner_sends(stage: Stage) -> str:
    """Three people, their orders and their Tasks, on the hospital's own server."""
    rides.opened(stage.rides)
    stage.hospital.seed_hospital()
    return f"Rosa's, Marcus's and June's are Tasks on {stage.hospital.base_url}, for the network."


def hmis_export_arrives(stage: Stage) -> str:
    """The HMIS's nightly export makes its clients known."""
    partners.put_in(stage.site.folder / "hmis", "hmis-1.zip", partners.hmis_export("DEMO-1", []))
    stage.work()
    return "Three clients with their enrollments; Rosa and Marcus are among them."


def referrals_leave(stage: Stage) -> str:
    """The bridge has polled the hospital, decided what may go, and sent."""
    stage.work(lambda: bool(rides.task(stage.rides) and stage.mailbox.messages(FOOD_BANK)))
    mails, task = stage.mailbox.messages(FOOD_BANK), rides.task(stage.rides)
    return f"Rosa's: {len(mails)} e-mail, a link and no word about her. June's: a Task ({task.get('status')}) on " \
           "Riverside Rides' server.\n      Marcus's waits for the morning."  # fmt: skip


def light(stage: Stage) -> str:
    """Two clicks on a page; the hospital's Task follows each."""
    said = [_after(stage, "rosa-food", "accepted", lambda: partners.press(stage.mailbox, FOOD_BANK, "accept"))]
    done = "Two bags of food, and a place in the Tuesday delivery"
    said += [_after(stage, "rosa-food", "completed",
                    lambda: partners.press(stage.mailbox, FOOD_BANK, "complete", text=done))]  # fmt: skip
    return f"Mercy's own Task for Rosa: {', then '.join(dict.fromkeys(said))}, with a Procedure as its output."


def indirect(stage: Stage) -> str:
    """The agency moves the Task on its own server; the hospital's Task follows."""
    said = [_after(stage, "june-rides", "accepted", lambda: rides.accept(stage.rides)),
            _after(stage, "june-rides", "completed", lambda: rides.complete(stage.rides))]  # fmt: skip
    return f"Mercy's own Task for June: {', then '.join(dict.fromkeys(said))}, with the Procedure they wrote."


def directly(stage: Stage) -> str:
    """Mercy's system posts at the agency's door; the agency's desk answers; Mercy reads it there."""
    with direct.signed_in(stage.site) as door:
        direct.send(door)
        bridges.work(stage.energy, lambda: bool(stage.mailbox.messages(ENERGY_DESK)))
        said = [door.status(direct.TASK)]
        for answer, status in (("accept", "accepted"), ("complete", "completed")):
            partners.press(stage.mailbox, ENERGY_DESK, answer, text="The tank is filled")
            bridges.work(stage.energy, partial(_stands, door, direct.TASK, status))
            said.append(door.status(direct.TASK))
    return f"Sam's Task, as Mercy reads it there: {', then '.join(dict.fromkeys(said))}."


def shelter_answers(stage: Stage) -> str:
    """The morning's export, and the HMIS lead's answer in the next one."""
    stage.bridge.lanes.dispatch_now(stage.bridge.site.partners["coc-hmis"])
    partners.enter_result(stage.site.folder / "hmis")
    stage.work(lambda: _marcus(stage) == "accepted")
    return f"Event 10 left (the demo does not wait for 06:00). Mercy's own Task for Marcus: {_marcus(stage)}."


def state_sends_834(stage: Stage) -> str:
    """Marcus's coverage ends; one member cannot be read; two are nobody known here."""
    file = files("casebridge.demo").joinpath("data/834.txt").read_bytes()
    partners.put_in(stage.site.folder / "state", "834.txt", file)
    stage.work()
    told = len(stage.mailbox.messages(PLANNER))
    return f"Marcus's coverage ends; the planner is told ({told} e-mail). One code is not in the map: " \
           f"{len(held.listed(stage.bridge.site))} record is held."  # fmt: skip


def map_is_mended(stage: Stage) -> str:
    """A row is laid over the map while the bridge runs, and the one record replayed."""
    waiting = held.listed(stage.bridge.site)
    mend_map(stage.site)
    stage.work()
    for message in waiting:
        held.replay(stage.bridge.site, message.id)
    stage.work()
    return f"One row laid over it, nothing restarted; {len(waiting)} record replayed. " \
           f"Held now: {len(held.listed(stage.bridge.site)) or 'nothing'}."  # fmt: skip


STEPS: tuple[tuple[str, Callable[[Stage], str]], ...] = (
    ("Mercy's planners write three referrals on their own FHIR server", planner_sends),
    ("The night's HMIS export arrives", hmis_export_arrives),
    ("CaseBridge finds the clients, decides what may go, and sends", referrals_leave),
    ("Light: the food bank opens the link, accepts, and has helped", light),
    ("Indirect: Riverside Rides accepts on its own server, drives, and says so there", indirect),
    ("Direct: Mercy's system signs in at Northside Energy Aid's door and posts Sam's referral", directly),
    ("By file: in the morning Marcus's referral leaves for HMIS, and the answer comes back", shelter_answers),
    ("The state's 834 arrives", state_sends_834),
    ("The map is mended, and the held record goes on", map_is_mended),
)


def _after(stage: Stage, task: str, status: str, act: Callable[[], object]) -> str:
    """Where the hospital's Task stands once an agency has acted and the bridge has worked."""
    act()
    stage.work(partial(_stands, stage.hospital, task, status))
    return stage.hospital.status(task)


def _stands(server: Server, task: str, status: str) -> bool:
    """So, or beyond it already: a demo that was killed goes on."""
    return server.status(task) in (status, "completed")


def _marcus(stage: Stage) -> str:
    return stage.hospital.status("marcus-bed")
