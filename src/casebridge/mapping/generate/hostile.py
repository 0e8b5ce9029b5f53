"""Odd and hostile native records: other types, nulls, lists for groups, groups for values; huge, deep, doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from casebridge.core.jsontext import Number
from casebridge.core.native import Element
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.records import records
from casebridge.mapping.maps import Map
from casebridge.mapping.walk import clone

HUGE = "x" * 100_000
DEPTH = 60  # levels; more is refused where JSON is read
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -7, Number("1" + "0" * 30), Number("72.50"), Number("1e-7"), "", " ", "true", "1",
    "None", "\u0000", "{}",
    "'); drop table person; --", "__import__('os')", HUGE, "9999-99-99", "2024-02-30", "2024-02-29T25:61",
    [], {}, [None], [[]], [{}], ["a", "b"], {"": ""}, {"value": "x"}, {"absent": "withheld"}, {"absent": "not-asked"},
)  # fmt: skip
Spoil = Callable[[Dice, Any, Any], None]


def hostile(map_: Map, seed: int = 0, element: Element | None = None) -> Iterator[dict[str, Any]]:
    """Endless records of the map spoilt in one to three places. A map reads them or refuses them with a code."""
    dice = Dice(seed)
    for record in records(map_, element, seed):
        dice.next()
        for _ in range(dice.few()):
            places = list(_places(record))
            if places:
                node, key = dice.pick(places)
                dice.pick(_SPOILS)(dice, node, key)
        yield record


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every member and item, with what holds it."""
    for key, child in list(node.items()) if isinstance(node, dict) else list(enumerate(node)):
        yield node, key
        if isinstance(child, dict | list):
            yield from _places(child)


def _odd(dice: Dice, node: Any, key: Any) -> None:
    node[key] = clone(dice.pick(ODD))


def _listed(dice: Dice, node: Any, key: Any) -> None:
    """A list where none is, or several where one is expected."""
    node[key] = [clone(node[key]) for _ in range(dice.few())]


def _single(dice: Dice, node: Any, key: Any) -> None:
    """The first item where a list is."""
    found = node[key]
    node[key] = found[0] if isinstance(found, list) and found else [found]


def _grouped(dice: Dice, node: Any, key: Any) -> None:
    node[key] = {"value": node[key]}


def _deep(dice: Dice, node: Any, key: Any) -> None:
    for _ in range(DEPTH):
        node[key] = [node[key]] if dice.random() < 0.5 else {str(key): node[key]}


def _doubled(dice: Dice, node: Any, key: Any) -> None:
    """An item twice, one of them changed a little."""
    found = node[key]
    if isinstance(found, list) and found:
        found.insert(dice.rng.randrange(len(found) + 1), clone(dice.pick(found)))
    elif isinstance(found, dict):
        node[key] = [found, {**clone(found), "other": "x"}]


def _gone(dice: Dice, node: Any, key: Any) -> None:
    del node[key]


_SPOILS: tuple[Spoil, ...] = (_odd, _odd, _odd, _listed, _single, _grouped, _deep, _doubled, _gone)
