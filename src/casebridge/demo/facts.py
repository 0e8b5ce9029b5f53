"""The facts, read back from the servers, the mail, the pages and the files; not from our own store."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Any

from casebridge.demo import partners
from casebridge.demo.fact import Fact, outputs, reference, runs
from casebridge.demo.fhir_facts import directly, indirect
from casebridge.demo.site import ENERGY_DESK, FOOD_BANK, PLANNER
from casebridge.demo.stage import Stage
from casebridge.engine import held

TASKS = ("rosa-food", "marcus-bed", "june-rides")
SECRET = ("buprenorphine", "66214007", "Substance")
"""What only the substance-use note says."""
PERSONAL = {"rosa", "delgado", "marcus", "webb", "june", "abara", "sam", "whitfield",
            "food", "shelter", "rides", "heating", "coverage"}  # fmt: skip
MERCY = "Mercy's own server"


def facts(stage: Stage) -> Iterator[Fact]:
    """Every fact the demo promises, way by way."""
    yield from _light(stage)
    yield from indirect(stage)
    yield from directly(stage)
    yield from _by_file(stage)
    yield from _mail(stage)
    yield from _walls(stage)


def _light(stage: Stage) -> Iterator[Fact]:
    hospital = stage.hospital
    made = hospital.search("Procedure?subject=Patient/rosa")
    yield Fact("Light: Rosa's Task went from requested to accepted to completed",
               runs(hospital.versions("Task/rosa-food")) == ["requested", "accepted", "completed"], MERCY)  # fmt: skip
    yield Fact("It has one output, and the Procedure it names is there once",
               len(made) == 1 and outputs(hospital.read("Task/rosa-food")) == [f"Procedure/{made[0]['id']}"],
               MERCY)  # fmt: skip


def _by_file(stage: Stage) -> Iterator[Fact]:
    hospital, bed = stage.hospital, stage.hospital.read("Task/marcus-bed") or {}
    events = partners.received_events(stage.site.folder / "hmis")
    yield Fact("By file: HMIS has one event, 10, a shelter bed, at Marcus's enrollment, under our reference",
               [(e["EventID"], e["Event"], e["EnrollmentID"]) for e in events] == [(reference(bed), "10", "E-3001")],
               "the export file")  # fmt: skip
    yield Fact("Marcus's Task is accepted: the shelter took him in", bed.get("status") == "accepted", MERCY)
    tasks = [hospital.read(f"Task/{name}") for name in TASKS]
    yield Fact("All three Tasks carry our reference", all(reference(t or {}) for t in tasks), MERCY)
    orders = [hospital.versions(f"ServiceRequest/{name}") for name in TASKS]
    yield Fact("The hospital's own orders were never touched", all(len(o) == 1 for o in orders), MERCY)


def _mail(stage: Stage) -> Iterator[Fact]:
    links, planner = stage.mailbox.messages(FOOD_BANK), stage.mailbox.messages(PLANNER)
    energy, where = stage.mailbox.messages(ENERGY_DESK), "the mail"
    bed = reference(stage.hospital.read("Task/marcus-bed") or {})
    yield Fact("The food bank and the energy desk have one e-mail each, with a link",
               len(links) == len(energy) == 1, where)  # fmt: skip
    told = [m for m in planner if bed and bed in m.get_content()]
    yield Fact("The planner was told once that something changed for Marcus's referral",
               len(told) == len(planner) == 1, where)  # fmt: skip
    quiet = not any(PERSONAL & words(m) for m in (*links, *planner, *energy))
    yield Fact("No e-mail says anything about a client", quiet and bool(links), where)


def _walls(stage: Stage) -> Iterator[Fact]:
    now, page = partners.form_page(stage.mailbox, FOOD_BANK), partners.seen_pages(stage.mailbox, FOOD_BANK)
    helps = all(x in page for x in ("Delgado", "555-0111", "555-0101"))
    yield Fact("The food bank's page showed whom to help, and whom to call", helps, "the page")
    yield Fact("Now that all is done, the same link names nobody", bool(now) and "Delgado" not in now, "the page")
    yield Fact("It showed neither social security number nor birth date",
               bool(page) and not any(x in page for x in ("899-61-1001", "899611001", "1984-03-09", "1984")),
               "the page")  # fmt: skip
    left = page + now + "".join(_text(m) for m in stage.mailbox.messages("")) + _files(stage) + _written(stage)
    yield Fact("The substance-use note reached nobody", not any(word in left for word in SECRET),
               "the page, the mail, the files and what we wrote at both servers")  # fmt: skip
    waiting = [*held.listed(stage.bridge.site), *held.listed(stage.energy.site)]
    yield Fact("Nothing is held any more", not waiting, "both gateways' own lists")


def words(message: Any) -> set[str]:
    """An e-mail's words, without the link's key: 43 letters by chance, in which any short name can stand."""
    return set(re.findall(r"\w+", re.sub(r"/web-form/\S+", "", _text(message)).lower()))


def _text(message: Any) -> str:
    return f"{message['Subject']}\n{message.get_content()}"


def _files(stage: Stage) -> str:
    found = []
    for file in (stage.site.folder / "hmis" / "out").glob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            found += [archive.read(name).decode() for name in archive.namelist()]
    return "".join(found)


def _written(stage: Stage) -> str:
    there = [stage.rides.search(kind) for kind in ("Patient", "Condition", "ServiceRequest", "Task", "Organization")]
    return str([*stage.hospital.search("Procedure?subject=Patient/rosa"), *there,
                *(stage.hospital.read(f"Task/{name}") for name in TASKS)])  # fmt: skip
