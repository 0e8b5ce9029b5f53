"""The facts, read back from the hospital's server, the mail, the page and the files; not from our own store."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from casebridge.demo import partners
from casebridge.demo.play import Stage
from casebridge.demo.site import FOOD_BANK, PLANNER
from casebridge.engine import held

SECRET = ("buprenorphine", "66214007", "Substance")
"""What only the substance-use note says."""
PERSONAL = ("Rosa", "Delgado", "Marcus", "Webb", "food", "shelter", "coverage")
REFERRAL = "urn:casebridge:referral"


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence, whether it is so, and where it was read."""

    text: str
    holds: bool
    where: str


def facts(stage: Stage) -> Iterator[Fact]:
    """Every fact the demo promises."""
    yield from _hospital(stage)
    yield from _hmis(stage)
    yield from _mail(stage)
    yield from _walls(stage)
    yield Fact("Nothing is held any more", not held.listed(stage.bridge.site), "the gateway's own list")


def _hospital(stage: Stage) -> Iterator[Fact]:
    hospital, where = stage.hospital, "the hospital's server"
    food, bed = hospital.read("Task/rosa-food") or {}, hospital.read("Task/marcus-bed") or {}
    states = _runs([v.get("status") for v in reversed(hospital.versions("Task/rosa-food"))])
    outputs = [o["valueReference"]["reference"] for o in food.get("output", ()) if "valueReference" in o]
    procedures = hospital.search("Procedure?subject=Patient/rosa")
    yield Fact("Rosa's Task went from requested to accepted to completed",
               states == ["requested", "accepted", "completed"], where)  # fmt: skip
    yield Fact("It has one output, and the Procedure it names is there once",
               len(outputs) == 1 and outputs == [f"Procedure/{p['id']}" for p in procedures], where)  # fmt: skip
    yield Fact("Marcus's Task is accepted: the shelter took him in", bed.get("status") == "accepted", where)
    yield Fact("Both Tasks carry our reference", all(_reference(t) for t in (food, bed)), where)
    orders = [hospital.versions(f"ServiceRequest/{name}") for name in ("rosa-food", "marcus-bed")]
    yield Fact("The hospital's own orders were never touched", all(len(o) == 1 for o in orders), where)


def _hmis(stage: Stage) -> Iterator[Fact]:
    bed = _reference(stage.hospital.read("Task/marcus-bed") or {})
    events = [(e["EventID"], e["Event"], e["EnrollmentID"]) for e in partners.received_events(stage.site)]
    yield Fact("HMIS has one event: 10, a shelter bed, at Marcus's enrollment, under the same reference",
               events == [(bed, "10", "E-3001")], "the export file")  # fmt: skip


def _mail(stage: Stage) -> Iterator[Fact]:
    food_bank, planner = stage.mailbox.messages(FOOD_BANK), stage.mailbox.messages(PLANNER)
    bed = _reference(stage.hospital.read("Task/marcus-bed") or {})
    yield Fact("The food bank has one e-mail, with a link", len(food_bank) == 1, "the mail")
    told = [m for m in planner if bed and bed in m.get_content()]
    yield Fact("The planner was told once that something changed for Marcus's referral",
               len(told) == len(planner) == 1, "the mail")  # fmt: skip
    quiet = all(w.lower() not in _text(m).lower() for m in (*food_bank, *planner) for w in PERSONAL)
    yield Fact("No e-mail says anything about a client", quiet and bool(food_bank), "the mail")


def _walls(stage: Stage) -> Iterator[Fact]:
    now = partners.form_page(stage.mailbox)
    page = "".join(f.read_text(encoding="utf-8") for f in stage.mailbox.folder.glob("page-*.html"))
    helps = all(x in page for x in ("Delgado", "555-0111", "555-0101"))
    yield Fact("The food bank's page showed whom to help, and whom to call", helps, "the page")
    yield Fact("Now that all is done, the same link names nobody", bool(now) and "Delgado" not in now, "the page")
    yield Fact("It showed neither social security number nor birth date",
               bool(page) and not any(x in page for x in ("899-61-1001", "899611001", "1984-03-09", "1984")),
               "the page")  # fmt: skip
    left = page + now + "".join(_text(m) for m in stage.mailbox.messages("")) + _files(stage) + _written(stage)
    yield Fact("The substance-use note reached nobody", not any(word in left for word in SECRET),
               "the page, the mail, the files and what we wrote at the hospital")  # fmt: skip


def _reference(task: dict[str, Any]) -> str:
    return next((i["value"] for i in task.get("identifier", ()) if i.get("system") == REFERRAL), "")


def _runs(states: list[Any]) -> list[Any]:
    return [s for i, s in enumerate(states) if i == 0 or states[i - 1] != s]


def _text(message: Any) -> str:
    return f"{message['Subject']}\n{message.get_content()}"


def _files(stage: Stage) -> str:
    found = []
    for file in (stage.site.hmis / "out").glob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            found += [archive.read(name).decode() for name in archive.namelist()]
    return "".join(found)


def _written(stage: Stage) -> str:
    resources = [*stage.hospital.search("Procedure?subject=Patient/rosa"),
                 *(stage.hospital.read(f"Task/{name}") for name in ("rosa-food", "marcus-bed"))]  # fmt: skip
    return str(resources)
