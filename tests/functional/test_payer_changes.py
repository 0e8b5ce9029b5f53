"""An 834 row that says only what changed: X12 005010X220A1 2000 INS03 = 001, 024, 025."""

from __future__ import annotations

import pytest
from replaying import replayed
from sites import TestSite
from states import NAME, State

WHOLE = ("NM1*IL*1*MORENO*ADA****34*899611001", "PER*IP**HP*5550000001", "N3*1 MAIN ST", "N4*ALBANY*NY*12207",
         "DMG*D8*19870220*F")  # fmt: skip
BEGIN = "DTP*356*D8*20250101"


@pytest.fixture
def state(site: TestSite) -> State:
    return State(site)


def test_what_a_termination_does_not_say_stays(state: State) -> None:
    state.row("021", BEGIN, *WHOLE)
    before = state.person
    state.row("024", "DTP*357*D8*20260131")
    assert state.person == before


def test_a_change_of_address_changes_the_address(state: State) -> None:
    state.row("021", BEGIN, *WHOLE)
    before = state.person
    state.row("001", NAME, "N3*9 ELM ST", "N4*TROY*NY*12180")
    assert state.person == before | {
        "addresses": [{"kind": "home", "line": ["9 ELM ST"], "city": "TROY", "state": "NY", "zip": "12180"}]
    }


@pytest.mark.parametrize("maintenance", ["021", "030"])
def test_an_addition_and_an_audit_say_all(state: State, maintenance: str) -> None:
    state.row("021", BEGIN, *WHOLE)
    state.row(maintenance, BEGIN)
    assert not {"addresses", "telecoms", "birth"} & state.person.keys()


@pytest.mark.parametrize("maintenance", ["001", "024", "025"])
def test_a_restriction_stays_until_it_is_taken_away(state: State, maintenance: str) -> None:
    hmo = ("HD*021**HMO*P1", "DTP*348*D8*20250101")
    state.row("021", BEGIN, *WHOLE, *hmo, secrecy="R")
    state.row(maintenance, NAME, "HD*001**HMO*P1", "DTP*348*D8*20250101", "HD*021**DEN", "DTP*348*D8*20260101")
    restricted = {"": ["R"], "eligibility": ["R"], "HMO/P1/20250101": ["R"], "DEN//20260101": ["R"]}
    assert state.labels() == restricted
    state.row(maintenance, secrecy="U")
    assert state.labels() == {id_: ["N"] for id_ in restricted}


def test_a_restriction_holds_for_what_was_said_before(state: State) -> None:
    state.row("021", BEGIN, *WHOLE, "HD*021**HMO*P1", "DTP*348*D8*20250101")
    state.row("001", secrecy="R")
    assert state.labels() == {"": ["R"], "eligibility": ["R"], "HMO/P1/20250101": ["R"]}


def test_what_is_open_again_has_no_end(state: State) -> None:
    state.row("021", BEGIN, *WHOLE)
    state.row("024", "DTP*357*D8*20260131")
    state.row("025", "DTP*356*D8*20260301")
    eligibility = state.said("participation")["eligibility"]
    assert (eligibility["status"], eligibility["entry"], eligibility.get("end")) == ("eligible", "2026-03-01", None)


def test_a_replay_lays_a_change_over_what_was_there_before_it(state: State) -> None:
    state.row("021", BEGIN, *WHOLE, secrecy="R")
    state.row("001", NAME, "N3*9 ELM ST", "N4*TROY*NY*12180")
    before = state.said() | state.said("participation")
    replayed(state.site, "understand", kind="x12/834-member")
    assert state.said() | state.said("participation") == before
    assert state.labels() == {"": ["R"], "eligibility": ["R"]}


def test_a_change_of_address_revives_nothing(state: State) -> None:
    state.row("021", BEGIN, *WHOLE)
    state.row("024", "DTP*357*D8*20260131")
    before = state.said("participation")
    state.row("001", NAME, "N3*9 ELM ST", "N4*TROY*NY*12180")
    assert state.said("participation") == before
    assert (before["eligibility"]["status"], before["eligibility"]["end"]) == ("ended", "2026-01-31")
