"""Facts of the two ways that are FHIR on both sides."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from casebridge.demo import direct, rides
from casebridge.demo.fact import Fact, outputs, reference, runs
from casebridge.demo.fhir import Resource
from casebridge.demo.stage import Stage

ASKED_FOR_AND_DONE = ["requested", "accepted", "completed"]


def indirect(stage: Stage) -> Iterator[Fact]:
    """What lies on Riverside Rides' server, and what came back to Mercy's."""
    where, mercy = "Riverside Rides' own server", stage.hospital
    task, orders, people = rides.task(stage.rides), _all(stage, "ServiceRequest"), _all(stage, "Patient")
    theirs, tag = mercy.read("Task/june-rides") or {}, stage.site.tag
    yield Fact("Indirect: one patient, one filler order of ours based on Mercy's, and one Task that is part of Mercy's",
               [len(people), len(orders), len(_all(stage, "Task"))] == [1, 1, 1]
               and orders[0]["intent"] == "filler-order" and reference(task) == reference(theirs) != ""
               and _named(orders[0], "basedOn") == [f"mercy/ServiceRequest/june-rides{tag}"]
               and _named(task, "partOf") == [f"mercy/Task/june-rides{tag}"],
               where)  # fmt: skip
    copy = str(people)
    yield Fact("The copy of June has her name, phone and address, and neither birth date nor social security number",
               all(x in copy for x in ("Abara", "555-0113", "88 Quarry Ln"))
               and not any(x in copy for x in ("1958", "899-61-1003", "899611003", "MCD1003J", "M-1003")),
               where)  # fmt: skip
    yield Fact("June's Task went from requested to accepted to completed",
               runs(mercy.versions("Task/june-rides")) == ASKED_FOR_AND_DONE, "Mercy's own server")  # fmt: skip
    made = mercy.search("Procedure?subject=Patient/june")
    yield Fact("Its output is the Procedure that Riverside Rides wrote: their code, their time, once",
               len(made) == 1 and outputs(theirs) == [f"Procedure/{made[0]['id']}"]
               and made[0]["code"]["coding"] == rides.RIDDEN["coding"] and made[0]["performedDateTime"] == rides.WHEN,
               "Mercy's own server")  # fmt: skip


def directly(stage: Stage) -> Iterator[Fact]:
    """What Mercy reads at the agency's door, signed in; and what others do."""
    where = "Northside Energy Aid's door"
    with direct.signed_in(stage.site) as door:
        versions, task = door.versions(f"Task/{direct.TASK}"), door.read(f"Task/{direct.TASK}")
        made = door.search("Procedure?subject=Patient/sam")
    yield Fact("Direct: Sam's Task went from requested to accepted to completed, with one Procedure as its output",
               runs(versions) == ASKED_FOR_AND_DONE and len(made) == 1
               and outputs(task) == [f"Procedure/{made[0]['id']}"], where)  # fmt: skip
    refused = httpx2.get(f"{stage.site.fhir('energy')}/Task/{direct.TASK}", timeout=30).status_code
    yield Fact("Whoever has not signed in reads nothing there", refused == 401, where)


def _all(stage: Stage, kind: str) -> list[Resource]:
    return stage.rides.search(kind)


def _named(resource: Resource, element: str) -> list[str]:
    """Our names of the things referred to: ``mercy/Task/1``."""
    return [r.get("identifier", {}).get("value", "") for r in resource.get(element, ())]
