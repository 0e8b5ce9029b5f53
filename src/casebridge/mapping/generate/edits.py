"""Changes to a slice, as case workers and policies make them: values change, go, are Absent or withheld; lists too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from casebridge.core.case import PLURALS
from casebridge.core.native import Element
from casebridge.mapping.generate.claims import claims, root_length
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.ground import without_husks
from casebridge.mapping.generate.kinds import CaseKind, case_root
from casebridge.mapping.generate.pools import Pool
from casebridge.mapping.generate.records import case_sower, slices, valid
from casebridge.mapping.generate.speaking import Speaking
from casebridge.mapping.maps import Map
from casebridge.mapping.room import ENVELOPE
from casebridge.mapping.walk import Where, blank, clone, leaves, withheld

REASONS = ("asked-unknown", "asked-declined", "not-asked")
_DONORS = 40
_TRIES = 8
Edit = Callable[[dict[str, Any], Dice], str]


class Editor:
    """Makes edits for one map; made once, because it looks at every line."""

    def __init__(self, map_: Map, element: Element | None = None) -> None:
        self.map, definition = map_, map_.definition
        sower, _ = case_sower(definition, element)
        self.pools: dict[int, Pool] = sower.pools
        self.speaking = Speaking(claims(definition))
        self.slots, self.root = definition.case, root_length(definition)
        self.donors = list(islice(slices(map_, 7, element), _DONORS))
        self.kinds: tuple[Edit, ...] = (
            self.change, self.change, self.remove, self.absent, self.drop, self.reorder, self.graft, self.add,
        )  # fmt: skip

    def edits(self, slice_: dict[str, Any], seed: int = 0) -> Iterator[tuple[dict[str, Any], str]]:
        """Endless valid edits of a slice, each with what was done to it; the slice itself stays."""
        dice = Dice(seed)
        while True:
            dice.next()
            edited = self.edit(slice_, dice)
            if edited is not None:
                yield edited
            elif dice.turn > _TRIES * _TRIES:
                return

    def edit(self, slice_: dict[str, Any], dice: Dice) -> tuple[dict[str, Any], str] | None:
        """One edit, of one to three steps; None when the case model would refuse it."""
        edited = clone(slice_)
        said = [what for _ in range(dice.few()) if (what := dice.pick(self.kinds)(edited, dice))]
        edited = without_husks(edited)
        lists = [slot for slot in self.slots if slot in PLURALS]
        if (lists or len(self.slots) > 1) and "complete" not in edited:
            edited["complete"] = lists
        good = said and edited and self.fits(edited) and valid(edited)
        return (edited, ", ".join(said)) if good else None

    def fits(self, slice_: dict[str, Any]) -> bool:
        """Is the edited slice still one the map is for?"""
        return self.map.fits(slice_)

    def withheld(self, slice_: dict[str, Any], dice: Dice) -> tuple[dict[str, Any], str]:
        """The slice with some of its leaves, or a whole field, withheld."""
        edited, said = clone(slice_), []
        for _ in range(dice.few()):
            places = _places(edited)
            if not places:
                break
            where = dice.pick(places)
            if dice.random() < 0.3:
                where = where[: max(_root_length(where) + 1, dice.few(len(where)))]
            before = _at(edited, where)
            _set(edited, where, withheld())
            if not self.fits(edited):
                _set(edited, where, before)
                continue
            said.append(f"withhold {_spelled(where)}")
        return edited, ", ".join(said)

    # --- the edits ---------------------------------------------------------------------------------------------

    def change(self, slice_: dict[str, Any], dice: Dice) -> str:
        """Another value at a leaf."""
        if not (places := _places(slice_)):
            return ""
        where = dice.pick(places)
        value = self._value(slice_, where, dice)
        if blank(value) or value == _at(slice_, where):
            return ""
        _set(slice_, where, value)
        return f"change {_spelled(where)}"

    def _value(self, slice_: dict[str, Any], where: Where, dice: Dice) -> Any:
        """What a line can write there, or what the case model allows."""
        root = self.root
        spoken = self.speaking(where[root:], _at(slice_, where[:root]))
        pools = [pool for claim in spoken if (pool := self.pools.get(id(claim.line))) and pool.items]
        kind = self.at(where)
        if pools:
            pool = dice.pick(pools)
            in_list = isinstance(where[-1], int)
            return clone(pool.draw(dice) if pool.many and not in_list else dice.pick(pool.items))
        return kind.item(dice.rng) if isinstance(where[-1], int) else kind.sample(dice.rng)

    def at(self, where: Where) -> CaseKind:
        """What may stand at a place of a slice."""
        slots = [part for part in where if isinstance(part, str)]
        kind = case_root((slots[0],), whole=True)
        for key in slots[1:]:
            kind = kind.below(key)
        return kind

    def remove(self, slice_: dict[str, Any], dice: Dice) -> str:
        """A leaf is gone."""
        if not (places := _places(slice_)):
            return ""
        where = dice.pick(places)
        _delete(slice_, where)
        if list(_at(slice_, where[:-1])) == ["kind"]:  # a reference to nothing is none
            _delete(slice_, where[:-1])
        return f"remove {_spelled(where)}"

    def absent(self, slice_: dict[str, Any], dice: Dice) -> str:
        """A leaf is missing for a reason, where the case model knows reasons."""
        places = [where for where in _places(slice_) if self.at(where).may_be_absent and isinstance(where[-1], str)]
        if not places:
            return ""
        where = dice.pick(places)
        _set(slice_, where, {"absent": dice.pick(REASONS)})
        return f"absent {_spelled(where)}"

    def drop(self, slice_: dict[str, Any], dice: Dice) -> str:
        """An item of a list is gone."""
        if not (lists := _lists(slice_, self.slots)):
            return ""
        where = dice.pick(lists)
        items = _at(slice_, where)
        items.pop(dice.rng.randrange(len(items)))
        return f"drop an item of {_spelled(where)}"

    def reorder(self, slice_: dict[str, Any], dice: Dice) -> str:
        """A list in another order."""
        lists = [where for where in _lists(slice_, self.slots) if len(_at(slice_, where)) > 1]
        if not lists:
            return ""
        where = dice.pick(lists)
        dice.rng.shuffle(_at(slice_, where))
        return f"reorder {_spelled(where)}"

    def graft(self, slice_: dict[str, Any], dice: Dice) -> str:
        """A whole field from another slice."""
        if not self.donors:
            return ""
        donor = dice.pick(self.donors)
        slot = dice.pick([slot for slot in donor if slot != "complete"])
        mine, theirs = slice_.get(slot), donor[slot]
        if isinstance(theirs, list):
            if not isinstance(mine, list) or not mine:
                slice_[slot] = clone(theirs)
                return f"graft {slot}"
            mine, theirs = dice.pick(mine), dice.pick(theirs)
        if not isinstance(mine, dict):
            slice_[slot] = clone(theirs)
            return f"graft {slot}"
        field = dice.pick(list(theirs))
        mine[field] = clone(theirs[field])
        return f"graft {slot}.{field}"

    def add(self, slice_: dict[str, Any], dice: Dice) -> str:
        """Items of another slice's list."""
        lists = _lists(slice_, self.slots)
        if not lists or not self.donors:
            return ""
        where, donor = dice.pick(lists), dice.pick(self.donors)
        try:
            theirs = _at(donor, tuple(0 if isinstance(part, int) else part for part in where))
        except (KeyError, IndexError, TypeError):
            return ""
        if not isinstance(theirs, list):
            return ""
        item, mine = clone(dice.pick(theirs)), _at(slice_, where)
        if not isinstance(item, dict) and item in mine:
            return ""
        mine.append(item)
        return f"add to {_spelled(where)}"


def edits(
    map_: Map, slice_: dict[str, Any], seed: int = 0, element: Element | None = None
) -> Iterator[tuple[dict[str, Any], str]]:  # fmt: skip
    """Endless valid edits of a slice and what each did. For many slices of one map, keep an :class:`Editor`."""
    return Editor(map_, element).edits(slice_, seed)


def _places(slice_: dict[str, Any]) -> list[Where]:
    """The leaves an edit may touch: not what is the store's own."""
    return [
        where for where in leaves({slot: part for slot, part in slice_.items() if slot != "complete"})
        if len(where) > _root_length(where) and where[_root_length(where)] not in ENVELOPE
    ]  # fmt: skip


def _lists(slice_: dict[str, Any], slots: tuple[str, ...]) -> list[Where]:
    """The lists that hold something; a slot's own list only where the map fills several slots."""
    found = {where[:i]: None for where in _places(slice_) for i, part in enumerate(where) if isinstance(part, int)}
    return [where for where in found if len(where) > 1 or len(slots) > 1]


def _root_length(where: Where) -> int:
    return 2 if len(where) > 1 and isinstance(where[1], int) else 1


def _at(node: Any, where: Where) -> Any:
    for part in where:
        node = node[part]
    return node


def _set(node: Any, where: Where, value: Any) -> None:
    _at(node, where[:-1])[where[-1]] = value


def _delete(node: Any, where: Where) -> None:
    del _at(node, where[:-1])[where[-1]]


def _spelled(where: Where) -> str:
    return ".".join(str(part) for part in where)
