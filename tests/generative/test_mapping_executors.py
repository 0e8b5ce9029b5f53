"""Both executors are one: what the generated functions give is what the interpreter gives, on every shipped map.

The interpreter is the oracle. Records are regular, partial, odd and hostile; slices are edited and partly withheld. The
generated functions may hand a record over, but not a good one: then they would be for show.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from shipped import LINKS, NAMES, Shipped, dressed, shipped

from casebridge.core.errors import CaseBridgeError
from casebridge.core.jsontext import dumps
from casebridge.mapping import interpreter, load_map
from casebridge.mapping.generate import Dice, hostile, records, slices
from casebridge.mapping.walk import clone

SEED = int(os.environ.get("CASEBRIDGE_SEED", "20261121"))
COUNT = int(os.environ.get("CASEBRIDGE_TRIPS", "1000")) // 100  # records of each kind a map; CI says 2000
EVERYTHING = Path(__file__).with_name("everything.yaml")
Base = dict[str, Any] | None


@pytest.fixture(scope="module", params=["everything", *NAMES])
def world(request: pytest.FixtureRequest) -> Shipped:
    """One map after the other."""
    return dressed(load_map(EVERYTHING)) if request.param == "everything" else shipped(request.param)


def outcome(run: Callable[[], Any]) -> Any:
    """What came of it: the data, or the code of the error."""
    try:
        return run()
    except CaseBridgeError as e:
        return e.code


def same(one: Any, other: Any) -> bool:
    """Equal data of equal types: true is not 1, 72.50 is not 72.5."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and str(one) == str(other)


def agree(run: Callable[[], Any], oracle: Callable[[], Any], *given: Any) -> Any:
    """Both give the same, and neither changes what it was given; returns what they give."""
    before = clone(list(given))
    got, wanted = outcome(run), outcome(oracle)
    assert same(before, list(given)), "what was given is changed"
    assert same(got, wanted), f"seed {SEED}: {_shown(given)}\ngives    {_shown(got)}\ninstead of {_shown(wanted)}"
    return got


def _shown(part: Any) -> str:
    return json.dumps(json.loads(dumps(part)), ensure_ascii=False)[:4000]


def imports(world: Shipped, found: Iterator[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each record with its slice, after both executors have agreed on it."""
    for record in islice(found, COUNT):
        oracle = world.oracle.executor
        assert world.map.matches(record) == interpreter.matches(world.map.definition, record)
        read = agree(lambda r=record: world.map.read(r).slice, lambda r=record: oracle.read(r).slice, record)  # noqa: B023
        if not isinstance(read, str):
            yield record, read


def export(world: Shipped, slice_: dict[str, Any], base: Base) -> None:
    """Both executors agree on one export."""
    agree(
        lambda: world.map.write(slice_, LINKS, base).data,
        lambda: world.oracle.executor.write(slice_, LINKS, base).data, slice_, base,
    )  # fmt: skip


def test_they_agree_on_regular_records_and_their_edits(world: Shipped) -> None:
    dice = Dice(SEED)
    for i, (record, slice_) in enumerate(imports(world, records(world.map, world.element, SEED))):
        export(world, slice_, record)
        export(world, slice_, None)
        for edited, _ in islice(world.editor.edits(slice_, SEED + i), 2):
            export(world, edited, record)
        hidden, _ = world.editor.withheld(slice_, dice)
        export(world, hidden, record)
        export(world, hidden, None)


def test_they_agree_on_odd_and_hostile_records(world: Shipped) -> None:
    for i, (record, slice_) in enumerate(imports(world, hostile(world.map, SEED, world.element))):
        export(world, slice_, record)
        export(world, slice_, None)
        for edited, _ in islice(world.editor.edits(slice_, SEED + i), 1):
            export(world, edited, record)


def test_they_agree_on_slices_of_our_own(world: Shipped) -> None:
    ours, found = slices(world.map, SEED, world.element), records(world.map, world.element, SEED + 1)
    for slice_, record in zip(islice(ours, COUNT), found, strict=False):
        export(world, slice_, None)
        export(world, slice_, record)


def test_they_agree_on_what_was_left_over_doubtful_or_without_room(world: Shipped) -> None:
    oracle = world.oracle.executor
    for record in islice(hostile(world.map, SEED + 2, world.element), COUNT // 5):
        told = outcome(lambda r=record: (lambda found: (found.left_over, found.notes))(world.map.read(r)))
        assert told == outcome(lambda r=record: (lambda found: (found.left_over, found.notes))(oracle.read(r)))
    for slice_, record in zip(
        islice(slices(world.map, SEED + 3, world.element), COUNT // 5), records(world.map, world.element), strict=False
    ):
        for base in (None, record):
            told = outcome(lambda s=slice_, b=base: world.map.write(s, LINKS, b).no_room)
            assert told == outcome(lambda s=slice_, b=base: oracle.write(s, LINKS, b).no_room)


def handled(run: Callable[[], Any], oracle: Callable[[], Any]) -> bool | None:
    """Did the generated function do it by itself? None where the interpreter refuses it too."""
    if isinstance(outcome(oracle), str):
        return None
    try:
        run()
    except Exception:  # noqa: BLE001  whatever it was, the interpreter would have been asked
        return False
    return True


def share(found: list[bool | None]) -> float:
    """How much of the good was done without the interpreter."""
    good = [each for each in found if each is not None]
    return sum(good) / len(good) if good else 1.0


@pytest.mark.parametrize("name", NAMES)
def test_good_records_need_no_interpreter(name: str) -> None:
    world = shipped(name)
    read, create, put = (world.map.compiled.function(name) for name in ("read", "create", "put"))
    assert world.map.compiled.why_not == {}
    oracle, reads, creates, puts = world.oracle.executor, [], [], []
    good = [*islice(records(world.map, world.element, SEED), COUNT), *(e.other for e in world.map.definition.examples)]
    for i, record in enumerate(good):
        reads.append(handled(lambda r=record: read(r), lambda r=record: oracle.read(r)))
        if not reads[-1] or world.map.definition.only == "import":
            continue
        slice_ = oracle.read(record).slice
        creates.append(handled(lambda: create(slice_, LINKS), lambda: oracle.write(slice_, LINKS)))  # noqa: B023
        for edited, _ in islice(world.editor.edits(slice_, SEED + i), 2):
            puts.append(handled(lambda: put(edited, LINKS, record), lambda: oracle.write(edited, LINKS, record)))  # noqa: B023
    assert share(reads) >= 0.95, f"{share(reads):.0%} of {len(reads)} imports"
    assert share(creates) >= 0.95, f"{share(creates):.0%} of {len(creates)} exports"
    assert share(puts) >= 0.85, f"{share(puts):.0%} of {len(puts)} puts"
