"""The conformance kit over every format that reads: cut payloads, noise, repetition, and the way back."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from casebridge.mapping import load_set, with_converters
from casebridge.plugins import SHIPPED_MAPS, load_plugins
from casebridge.testing import check_format

REGISTRY = load_plugins()
PLUGINS = Path(__file__).parents[2] / "plugins"
REFERRAL = "01JT00000000000000000000AA"


def maker(path: str) -> ModuleType:
    """A generator of made-up files, from an adapter's own tests."""
    spec = importlib.util.spec_from_file_location(Path(path).stem + "_for_conformance", PLUGINS / path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bundle() -> bytes:
    people = [{"resourceType": "Patient", "id": f"p{n}", "birthDate": "1987-02"} for n in range(3)]
    order = {"resourceType": "ServiceRequest", "id": "s1", "subject": {"reference": "Patient/p1"}, "status": "active"}
    task = {"resourceType": "Task", "id": "t1", "status": "requested", "focus": {"reference": "ServiceRequest/s1"},
            "for": {"reference": "Patient/p1"}, "intent": "order"}  # fmt: skip
    entries = [{"fullUrl": f"urn:x:{r['id']}", "resource": r} for r in (*people, order, task)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def file_834() -> bytes:
    return "".join(maker("x12/tests/make_834.py").file_834(12)).encode()


def hmis() -> bytes:
    make = maker("hmis/tests/make_hmis.py")
    return make.zip_of(make.files_of(make.make_export(4))).getvalue()


def tmsis() -> bytes:
    return "".join(maker("flatfile/tests/make_tmsis.py").file_tmsis(4)).encode()


def hmis_2024() -> bytes:
    make = maker("hmis/tests/make_hmis.py")
    return make.zip_of(make.files_of(make.make_export(4, spec=make.FY2024), spec=make.FY2024)).getvalue()


def answer() -> bytes:
    given = {"referral": REFERRAL, "answer": "accept", "at": "2026-02-03T14:05:06Z", "nonce": "0" * 32}
    return json.dumps(given).encode()


def clients() -> bytes:
    person = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP"
    headings = person + ",Program,Enrolled On,Left On"
    rows = ["7,Ada,Moreno,2/20/1987,,,,,,,Shelter,1/5/2026,", "8,Tobi,Abara,,,,,,,,Shelter,1/6/2026,2/1/2026"]
    return "\r\n".join([headings, *rows, ""]).encode()


# format -> (a payload, the maps whose shapes it is read with, settings, does it give back what it read)
SAMPLES: dict[str, tuple[Callable[[], bytes], str, dict[str, Any], bool]] = {
    "fhir-r4": (bundle, "sdohcc", {}, False),  # it writes only the kinds that are ours to write
    "x12": (file_834, "x12", {}, False),
    "hmis-csv": (hmis, "hmis-2026", {}, False),  # strict on writing: its own tests go there and back
    "hmis-csv-2024": (hmis_2024, "hmis-2024", {}, False),
    "flatfile": (clients, "flatfile", {"layout": "agency-clients"}, True),
    "tmsis": (tmsis, "tmsis", {}, False),
    "form": (answer, "web-form", {}, False),  # what goes out is not what comes in
}


def test_every_format_that_reads_is_examined():
    readers = {name for name, cls in REGISTRY.formats.items() if "parse" in cls.capabilities}
    assert readers == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_keeps_its_contract(name):
    make, maps, settings, round_trip = SAMPLES[name]
    known = with_converters(REGISTRY.converters.values())
    shapes = {m.other: m.shape for m in load_set(maps, [SHIPPED_MAPS], converters=known) if m.shape}
    check_format(REGISTRY.format(name), [make()], settings=settings, shapes=shapes, round_trip=round_trip)
