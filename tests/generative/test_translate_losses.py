"""What translation says was lost is what the interpreter says of each record, though it is asked once for all alike."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from shipped import NAMES, shipped

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.generate import hostile, records, slices
from casebridge.mapping.inspection.places import general
from casebridge.translating.losses import Losses

COUNT, VARIANTS = 12, 4


WORDS = ("Patient", "Practitioner", "RelatedPerson", "Organization", "Condition", "ServiceRequest", "X")


@dataclass
class Listening:
    """References of one in three are unknown, the others are to things of several kinds; ``heard`` is what was said."""

    heard: list[str | None]

    def ours(self, reference: str, kind: str) -> Mapping[str, Any]:
        return {"kind": kind, "external_id": reference}

    def theirs(self, ref: Mapping[str, Any]) -> str | None:
        number = sum(map(ord, str(ref.get("external_id"))))
        said = f"{WORDS[number % len(WORDS)]}/{ref.get('external_id')}" if number % 3 else None
        self.heard.append(said)
        return said


@dataclass
class Asked:
    """A result that counts how often it is asked what was lost."""

    result: Any
    asked: Counter[str]

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self.result, name)


def leaves(node: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """(general place, holder, key) of every text."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if isinstance(child, str):
            yield (*where, key if isinstance(key, str) else "[]"), node, key
        else:
            yield from leaves(child, (*where, key if isinstance(key, str) else "[]"))


def varied(found: list[dict[str, Any]], seed: int) -> Iterator[dict[str, Any]]:
    """Each record, and some with values of the others, or of nobody, in the same places."""
    dice = random.Random(seed)
    pool: dict[tuple[Any, ...], list[str]] = {}
    for one in found:
        for where, holder, key in leaves(one):
            pool.setdefault(where, []).append(holder[key])
    for one in found:
        yield one
        for _ in range(VARIANTS):
            other = copy.deepcopy(one)
            for where, holder, key in list(leaves(other)):
                if key != "absent" and dice.random() < 0.2:
                    holder[key] = dice.choice([*pool[where], holder[key] + "x"])
            yield other


@pytest.mark.parametrize("name", NAMES)
def test_what_no_line_reads_is_told_of_each_record(name: str) -> None:
    world, asked, good = shipped(name), Counter[str](), {}
    losses = Losses(world.map)
    for record in varied([*islice(records(world.map, world.element, 1), COUNT),
                          *islice(hostile(world.map, 2, world.element), COUNT)], 3):  # fmt: skip
        try:
            found = world.map.read(record)
        except CaseBridgeError:
            continue
        good = record
        assert losses.not_read(record, Asked(found, asked)) == tuple(map(general, found.left_over)), record
    before = asked["left_over"]
    losses.not_read(good, Asked(world.map.read(good), asked))
    assert asked["left_over"] == before, "a record like one before was asked again"


@pytest.mark.parametrize("name", NAMES)
def test_what_no_line_writes_is_told_of_each_record(name: str) -> None:
    world = shipped(name)
    losses = Losses(world.map)
    for slice_ in varied(list(islice(slices(world.map, 1, world.element), COUNT)), 3):
        links = Listening([])
        try:
            found = world.map.write(slice_, links)
        except CaseBridgeError:
            continue
        heard = tuple(links.heard)
        assert Counter(losses.no_room(slice_, found, heard)) == Counter(map(general, found.no_room)), slice_
