"""What has no room is what the interpreter says of each export, though it is asked once for all that are alike.

Slices and originals are regular, edited, partly withheld and hostile, and varied: other values in the same places, as
two clients have with the same answers. References are known, unknown, and answered as something else.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from shipped import NAMES, Shipped, dressed, shipped

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping import interpreter, load_map
from casebridge.mapping.compiled.looked_at import LookedAt
from casebridge.mapping.compiled.results import LateExported
from casebridge.mapping.generate import Dice, hostile, records, slices

SEED = int(os.environ.get("CASEBRIDGE_SEED", "20261122"))
COUNT = int(os.environ.get("CASEBRIDGE_TRIPS", "200")) // 100
VARIANTS = 6
EVERYTHING = Path(__file__).with_name("everything.yaml")
WRITING = ["everything", *(name for name in NAMES if shipped(name).map.definition.only != "import")]
Base = dict[str, Any] | None


class SomeKnown:
    """Of three references one is unknown, one is called by another name, and one by its own."""

    def ours(self, reference: str, kind: str) -> Mapping[str, Any]:
        return {"kind": kind, "external_id": reference}

    def theirs(self, ref: Mapping[str, Any]) -> str | None:
        name = str(ref.get("external_id") or ref.get("id"))
        return (None, name, f"Patient/{len(name)}")[sum(map(ord, name)) % 3]


LINKS = SomeKnown()


@pytest.fixture(scope="module", params=WRITING)
def world(request: pytest.FixtureRequest) -> Shipped:
    """One map after the other."""
    return dressed(load_map(EVERYTHING)) if request.param == "everything" else shipped(request.param)


def leaves(node: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """(general place, holder, key) of every single value."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        place = (*where, key if isinstance(key, str) else "[]")
        if isinstance(child, dict | list):
            yield from leaves(child, place)
        else:
            yield place, node, key


def varied(pairs: list[tuple[Any, Base]], seed: int) -> Iterator[tuple[Any, Base]]:
    """Each pair; some with one value of another, of nobody or of another place; and one with many such values."""
    dice, pool = random.Random(seed), dict[tuple[Any, ...], list[Any]]()
    for where, holder, key in leaves([list(pair) for pair in pairs]):
        pool.setdefault(where, []).append(holder[key])
    for pair in pairs:
        yield pair
        for share in [0] * VARIANTS + [0.3]:
            other = copy.deepcopy([list(pair)])
            texts = [leaf for leaf in leaves(other) if isinstance(leaf[1][leaf[2]], str) and leaf[2] != "absent"]
            own = [holder[key] for _, holder, key in texts]
            for where, holder, key in dice.sample(texts, max(min(1, len(texts)), int(share * len(texts)))):
                nobody, elsewhere = f"word {dice.random()}", dice.choice(own)
                holder[key] = dice.choice([*pool[where], holder[key] + "x", nobody, elsewhere])
            yield other[0][0], other[0][1]


def outcome(run: Callable[[], Any]) -> Any:
    """What came of it: the places, or the code of the error."""
    try:
        return run()
    except CaseBridgeError as e:
        return e.code


def agree(world: Shipped, slice_: Any, base: Base) -> bool:
    """Both say the same, twice; was it the generated function that wrote it?"""
    try:
        found = world.map.write(slice_, LINKS, base)
    except CaseBridgeError:
        return False
    wanted = interpreter.write(world.map.definition, slice_, LINKS, base or None).no_room
    assert found.no_room == wanted, f"seed {SEED}: {slice_}\nonto {base}"
    assert world.map.write(slice_, LINKS, base).no_room == wanted
    return isinstance(found, LateExported)


def onto_something(world: Shipped) -> Iterator[tuple[Any, Base]]:
    """Slices of records, edited and partly withheld, with the record they are put onto."""
    dice = Dice(SEED)
    odd = islice(hostile(world.map, SEED, world.element), COUNT // 2)
    for i, record in enumerate([*islice(records(world.map, world.element, SEED), COUNT), *odd]):
        slice_ = outcome(lambda r=record: world.map.read(r).slice)
        if isinstance(slice_, str):
            continue
        yield slice_, record
        yield from ((edited, record) for edited, _ in islice(world.editor.edits(slice_, SEED + i), 1))
        yield world.editor.withheld(slice_, dice)[0], record


def test_what_is_put_onto_a_record_has_the_room_the_interpreter_says(world: Shipped) -> None:
    late = [agree(world, slice_, base) for slice_, base in varied(list(onto_something(world)), SEED)]
    assert any(late)


def test_what_is_written_onto_nothing_has_the_room_the_interpreter_says(world: Shipped) -> None:
    ours = [(slice_, None) for slice_ in islice(slices(world.map, SEED, world.element), COUNT)]
    theirs = [(slice_, None) for slice_, _ in onto_something(world)]
    late = [agree(world, slice_, None) for slice_, _ in varied([*ours, *theirs], SEED + 1)]
    assert any(late)


def test_no_map_must_be_asked_every_time(world: Shipped) -> None:
    assert LookedAt(world.map.definition).case["absent"].whole
