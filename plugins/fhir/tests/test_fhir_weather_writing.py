"""Writing in hospital weather, to each of two real servers: done once, upon the version that stands, whatever falls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from casebridge_fhir.link import FhirRest
from hospitals import Hospital, Resource, link_to
from weather import STORM, Weather, weather

from casebridge import Conflict, Dispatch, Receipt
from casebridge.core.errors import SetupError, TryAgain

Under = Callable[..., tuple[Weather, FhirRest]]
Sending = Callable[..., Dispatch]


@pytest.fixture
def hospital(either: str) -> Iterator[Hospital]:
    with Hospital(either) as made:
        yield made


@pytest.fixture
def under(hospital: Hospital) -> Iterator[Under]:
    with ExitStack() as stack:

        def make(*habits: str, attempts: int = 2, **more: Any) -> tuple[Weather, FhirRest]:
            made = stack.enter_context(weather(hospital.base, *habits, **more))
            return made, stack.enter_context(link_to(made.base, hospital.name))(attempts=attempts)

        yield make


def sent(link: FhirRest, dispatch: Dispatch, key: str) -> Receipt | Conflict:
    """As the engine does: what was interrupted is looked for, and sent again when it is not there."""
    for _ in range(60):
        try:
            return link.find(dispatch, key) or link.send(dispatch, key)
        except (TryAgain, SetupError):
            continue
    raise AssertionError("sixty tries in a row broke off")


def procedure(hospital: Hospital) -> Resource:
    hospital.put({"resourceType": "Patient", "id": f"{hospital.name}-p"})
    return {"resourceType": "Procedure", "status": "completed", "subject": {"reference": f"Patient/{hospital.name}-p"}}


def made(hospital: Hospital) -> list[str]:
    found = hospital.http.get(f"/Procedure?subject=Patient/{hospital.name}-p").json()
    return [e["resource"]["id"] for e in found.get("entry", []) if e["resource"]["resourceType"] == "Procedure"]


CREATING = [(), ("location-only",), ("no-location",), ("location-only", "no-location"), ("ignores-if-none-exist",)]


@pytest.mark.parametrize("habits", CREATING, ids=lambda names: "+".join(names) or "fair")
@pytest.mark.parametrize("fault", ["", "cut-after", "cut-before"])
def test_what_is_made_is_made_once(
    hospital: Hospital, under: Under, dispatch: Sending, habits: tuple[str, ...], fault: str
) -> None:
    sky, link = under(*habits, faults={fault: 0.4} if fault else {}, seed=7)
    meant = dispatch(procedure(hospital))
    receipts = [sent(link, meant, f"k-{hospital.name}") for _ in range(3)]
    assert receipts[0] == receipts[1] == receipts[2]
    assert isinstance(receipts[0], Receipt)
    assert [f"Procedure/{id_}" for id_ in made(hospital)] == [receipts[0].things[0].external_id]
    assert bool(sky.met) == bool(fault)


@pytest.mark.parametrize("habit", ["needs-if-match", "conflict-409", "conflict-500"])
def test_a_conflict_is_told_however_the_server_says_it(
    hospital: Hospital, under: Under, dispatch: Sending, habit: str
) -> None:
    _, link = under(habit)
    read = hospital.task("moved")
    hospital.task("moved", priority="urgent")
    conflict = link.send(dispatch({**read, "status": "accepted"}), "k")
    assert isinstance(conflict, Conflict)
    original = conflict.things[0].original
    assert original is not None
    assert original["priority"] == "urgent"
    receipt = link.send(dispatch({**original, "status": "accepted"}), "k")
    assert isinstance(receipt, Receipt)
    stored = hospital.http.get(f"/Task/{read['id']}").json()
    assert (stored["status"], stored["priority"]) == ("accepted", "urgent")


def test_without_if_none_exist_where_a_server_refuses_it(hospital: Hospital, dispatch: Sending) -> None:
    with weather(hospital.base) as sky, link_to(sky.base, hospital.name) as make:
        sky.habits.before = lambda asked: refuse(asked)  # type: ignore[method-assign]
        meant = dispatch(procedure(hospital))
        receipt = make(conditional_create=False).send(meant, f"k-{hospital.name}")
        assert isinstance(receipt, Receipt)
        assert len(made(hospital)) == 1


def refuse(asked: Any) -> Any:
    assert "if-none-exist" not in asked.headers
    return None


@pytest.mark.parametrize("seed", range(2))
def test_in_a_storm_a_status_arrives_once_and_upon_what_stands(
    hospital: Hospital, under: Under, dispatch: Sending, seed: int
) -> None:
    sky, link = under("ignores-if-none-exist", "location-only", faults=STORM, seed=seed)
    original = hospital.task("t")
    for status in ("received", "accepted", "in-progress", "completed"):
        answer = sent(link, dispatch({**original, "status": status}), f"k-{status}")
        assert isinstance(answer, Receipt)
        original = answer.things[0].original
        stored = hospital.http.get(f"/Task/{original['id']}").json()
        assert (stored["status"], stored["meta"]["versionId"]) == (status, original["meta"]["versionId"])
    meant = dispatch(procedure(hospital))
    for _ in range(5):
        sent(link, meant, f"k-{hospital.name}")
    assert len(made(hospital)) == 1
    assert sky.met
