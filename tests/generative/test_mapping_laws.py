"""The laws of every map that is shipped, and of one with every word of the language, on generated records and slices.

GetPut: what was read and is put back changes nothing, not even the order or the spelling of a number. PutGet: what is
put is read again. Create: what is written on nothing is read again. Withheld: the partner's own value stays. What may
be lost is what the map declares (a line of one way, a signed loss) or what the export itself names as having no room.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from law_trips import Tally, outward, there_and_back
from shipped import LINKS, NAMES, Shipped, dressed, shipped

from casebridge.core.errors import CaseBridgeError
from casebridge.core.jsontext import dumps
from casebridge.mapping import load_map
from casebridge.mapping.generate import Reached, hostile, records, slices

SEED = int(os.environ.get("CASEBRIDGE_SEED", "20261121"))
TRIPS = int(os.environ.get("CASEBRIDGE_TRIPS", "200"))  # round trips a map; CI says 2000
BY_INTERPRETER = max(TRIPS // 20, 20)
ENOUGH = 10_000  # round trips in which every exception must be needed once; in fewer a rare one may not come up
REACH = 6000  # records and slices in which every line must be reached
HOSTILE = TRIPS // 10
EVERYTHING = Path(__file__).with_name("everything.yaml")


@dataclass(frozen=True)
class Exception_:
    """A difference that the laws see and that is right: in which map, what the difference begins with, and why."""

    map: str
    begins: str
    why: str


_MIXED = "one category holds a domain beside another coding: without the domain, the other is what the category says"
_THEIRS = "it also stands in the order, which is the requester's and is never written"
_TWICE = "the Task and its order carry the same label: it is one fact, and counted once"
EXCEPTIONS: tuple[Exception_, ...] = (
    Exception_("sdohcc/condition", "PutGet: need.categories", _MIXED),
    Exception_("sdohcc/observation", "PutGet: assessment.categories", _MIXED),
    Exception_("sdohcc/task", "PutGet: referral.needed_by", _THEIRS),
    Exception_("sdohcc/task", "PutGet: referral.priority", _THEIRS),
    Exception_("sdohcc/task", "GetPut: referral.labels", _TWICE),
    Exception_("sdohcc/task", "PutGet: referral.labels", _TWICE),
)


@pytest.fixture(scope="module", params=["everything", *NAMES])
def world(request: pytest.FixtureRequest) -> Shipped:
    """One map after the other."""
    return dressed(load_map(EVERYTHING)) if request.param == "everything" else shipped(request.param)


def broken(world: Shipped, tally: Tally) -> str:
    """What is broken and no exception explains; an exception nothing needed is broken as well."""
    mine = [each for each in EXCEPTIONS if each.map == world.map.name]
    told = [text for kind, text in tally.broken.items() if not any(kind.startswith(each.begins) for each in mine)]
    idle = [f"nothing needs the exception `{each.begins}`: {each.why}" for each in mine
            if TRIPS >= ENOUGH and not any(kind.startswith(each.begins) for kind in tally.broken)]  # fmt: skip
    return "\n\n".join([*told, *idle])


def test_the_laws_hold(world: Shipped) -> None:
    tally = Tally(SEED)
    there_and_back(world, world.laws, tally, TRIPS // 2)
    outward(world, world.laws, tally, TRIPS // 4)
    found = broken(world, tally)
    assert not found, found
    way = world.map.definition.only
    assert way or tally.trips >= TRIPS // 2, f"only {tally.trips} trips; {tally.held} records were held"
    assert sum(tally.refused.values()) <= tally.trips // 3, dict(tally.refused)


def test_the_laws_hold_in_the_interpreter(world: Shipped) -> None:
    tally = Tally(SEED + 1)
    there_and_back(world, world.oracle, tally, BY_INTERPRETER)
    outward(world, world.oracle, tally, BY_INTERPRETER // 4)
    mine = [each.begins for each in EXCEPTIONS if each.map == world.map.name]
    assert not [text for kind, text in tally.broken.items() if not kind.startswith(tuple(mine))]


def test_every_line_row_and_branch_is_reached(world: Shipped) -> None:
    reached = Reached(world.map.definition)
    for record in islice(records(world.map, world.element, SEED), REACH):
        reached.record(record)
        if reached.inward:
            break
    for slice_ in islice(slices(world.map, SEED, world.element), REACH):
        reached.slice(slice_)
        if not reached.missing:
            break
    assert not reached.missing, f"seed {SEED}"


def test_hostile_records_are_read_or_refused_and_come_back_as_they_were(world: Shipped) -> None:
    for record in islice(hostile(world.map, SEED, world.element), HOSTILE):
        before = dumps(record)
        try:
            slice_ = world.map.read(record).slice
            written = world.map.write(slice_, LINKS, record).data if slice_ and world.map.fits(slice_) else record
        except CaseBridgeError as e:
            assert e.code.startswith(("CB-2", "CB-3", "CB-5")), f"seed {SEED}"  # noqa: PT017  refused, and by which code
            continue
        assert dumps(record) == before, f"seed {SEED}: the record was changed"
        if world.map.matches(record) and not world.map.definition.only:
            assert json.loads(dumps(written)) == json.loads(before), f"seed {SEED}"
