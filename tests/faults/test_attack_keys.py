"""Ids, names and codes as long or as strange as a partner likes: only that record is held, on either database."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import pytest
from sites import TestSite, bundle, order, patient, task

from casebridge.adapter import Native, Payload
from casebridge.core.errors import Position, RecordError
from casebridge.engine import flow
from casebridge.engine.keys import LONGEST, fits, fitting, keyed

LONG = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyzäöü", k=4000))  # a database cannot press it together
NUL = "a\0b"
NO_TEXT = "caf\udce9"  # half of a character: how Python reads a name of bytes that are no UTF-8


@pytest.fixture
def site(make_site: Callable[..., TestSite], store_url: str) -> TestSite:
    return make_site(store=store_url)


def states(site: TestSite) -> dict[str, str]:
    """Where the hospital's records stand."""
    return {m.kind.removeprefix("fhir-r4/"): f"{m.state} {m.code}".strip() for m in site.messages(direction="in")}


def numbered(value: str) -> dict[str, Any]:
    """A patient with a number from the hospital's own list."""
    return patient(identifier=[{"system": "urn:example:mrn", "value": value}])


HELD, DONE = "held CB-301", "done"
ATTACKS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("an id", bundle(task(id_=LONG), order(), patient()), {"unreadable": HELD, "Patient": DONE}),
    ("a NUL in an id", bundle(task(id_=NUL), order(), patient()), {"unreadable": HELD, "Patient": DONE}),
    ("a NUL in a version", bundle(task(NUL), order(), patient()), {"unreadable": HELD, "Patient": DONE}),
    ("whom it is about", bundle(task(person=LONG), patient()), {"unreadable": HELD, "Patient": DONE}),
    ("a number", bundle(task(), order(), numbered(LONG)), {"Task": "waiting", "Patient": HELD}),
    ("a NUL in a number", bundle(task(), order(), numbered(NUL)), {"Task": "waiting", "Patient": HELD}),
    ("a need", bundle(task(), order(LONG), patient()), {"Task": DONE, "Patient": DONE}),
    ("a type", bundle(task(), order(), {"resourceType": "Z" * 500, "id": "1"}), {"unreadable": HELD, "Task": DONE}),
]


@pytest.mark.parametrize(("sent", "found"), [attack[1:] for attack in ATTACKS], ids=[attack[0] for attack in ATTACKS])
def test_only_the_record_is_held_and_the_next_payload_goes_on(
    site: TestSite, sent: dict[str, Any], found: dict[str, str]
) -> None:
    site.drop("hospital", "1.json", sent)
    assert states(site) == states(site) | found | {"payload": DONE}
    assert all(len(m.external_id) <= LONGEST for m in site.held())
    site.drop("hospital", "2.json", bundle(patient("p2", None)))
    assert "Patient/p2" in {m.external_id for m in site.messages(state="done")}


def test_a_door_may_be_told_any_name_and_type(site: TestSite) -> None:
    gateway = site.bridge.site
    for name, type_ in ((LONG, LONG), (NUL, NUL), (NO_TEXT, NO_TEXT), ("a.json", "application/json; " + "x" * 200)):
        sent = Payload(name, io.BytesIO(repr(name).encode()), media_type=type_)
        assert flow.accept(gateway, gateway.partners["agency"], sent).state == "accepted"


def test_a_digest_stands_for_a_key_that_does_not_fit() -> None:
    assert fitting("Patient/p1") == "Patient/p1"
    assert fitting(LONG) == fitting(LONG) != fitting(LONG + "x")
    assert fits(fitting(LONG))
    assert fits(fitting(NUL))
    assert fits(fitting(NO_TEXT))


def test_a_place_that_is_too_long_is_named_by_its_digest() -> None:
    place = Position(pointer="/" + LONG)
    (named,) = {keyed(Native("t", {}, place, "1")).position, keyed(RecordError("CB-301", "", position=place)).position}
    assert fits(named.pointer)
