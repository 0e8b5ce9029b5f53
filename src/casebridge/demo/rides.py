"""Indirect: what Riverside Rides' own people do on their own FHIR server. They never see CaseBridge."""

from __future__ import annotations

from casebridge.demo.fhir import Resource, Server

US, THEM = "Organization/network", "Organization/rides"
RIDDEN = {"coding": [{"system": "urn:riverside-rides:service", "code": "ride", "display": "Ride to an appointment"}]}
WHEN = "2026-11-21T14:10:00Z"
OUTPUT = {"system": "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes",
          "code": "resulting-activity"}  # fmt: skip


def opened(server: Server) -> None:
    """Who is who there: themselves, and us."""
    for reference, name in ((US, "Riverside Care Network"), (THEM, "Riverside Rides")):
        kind, id_ = reference.split("/")
        server.put({"resourceType": kind, "id": id_, "name": name})


def task(server: Server) -> Resource:
    """The Task that was put there for them; {} while there is none."""
    return next(iter(server.search(f"Task?owner={THEM}")), {})


def accept(server: Server) -> None:
    """They take it on; nothing happens when they have already."""
    found = task(server)
    if found.get("status") == "requested":
        server.put({**found, "status": "accepted"})


def complete(server: Server) -> None:
    """They have driven: a Procedure, and the Task names it."""
    found = task(server)
    if found.get("status") != "accepted":
        return
    done = server.put({
        "resourceType": "Procedure", "id": "ride-1", "status": "completed", "subject": found["for"],
        "basedOn": [found["focus"]], "performedDateTime": WHEN, "code": RIDDEN,
    })  # fmt: skip
    output = {"type": {"coding": [OUTPUT]}, "valueReference": {"reference": f"Procedure/{done['id']}"}}
    server.put({**found, "status": "completed", "output": [output]})
