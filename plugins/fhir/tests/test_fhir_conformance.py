"""The conformance kit over this adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from casebridge_fhir.format import FhirR4
from casebridge_fhir.link import FhirRest

from casebridge import Dispatch
from casebridge.testing import check_format, check_link


def test_the_format_keeps_its_contract(task: Callable[..., dict[str, Any]]) -> None:
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Moreno"}]}
    entry = [{"fullUrl": "https://h.example/fhir/Task/t1", "resource": task()}, {"resource": patient}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entry}
    shapes = {"fhir-r4/Task": {"parents": {"patient": {"type": "Patient", "follow": "for"}}}}
    samples = [json.dumps(each).encode() for each in (patient, task())]
    check_format(FhirR4, samples, shapes=shapes)
    check_format(FhirR4, [json.dumps(bundle).encode()], shapes=shapes, round_trip=False)  # one file per record


def test_the_guides_examples_keep_it_too(examples: dict[str, Path]) -> None:
    # An order is read and never written, so it cannot go round.
    samples = [path.read_bytes() for name, path in examples.items() if not name.startswith("ServiceRequest")]
    check_format(FhirR4, samples)


def test_the_link_keeps_its_contract(
    sekmet: str, hospital: httpx2.Client, task: Callable[..., dict[str, Any]], dispatch: Callable[..., Dispatch]
) -> None:
    stored = hospital.put("/Task/kit", json={k: v for k, v in task("kit").items() if k != "meta"}).json()
    check_link(FhirRest, {"base_url": sekmet}, dispatch=dispatch({**stored, "status": "accepted"}))
