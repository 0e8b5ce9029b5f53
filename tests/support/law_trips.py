"""Round trips over generated records and slices: what broke, what was refused, how many there were."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from shipped import Shipped

from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import CaseBridgeError
from casebridge.core.jsontext import dumps
from casebridge.mapping.generate import Dice, Laws, records, slices

HELD = "which is required"  # the case model holds a record that lacks what it needs; the laws are about the others
REFUSALS = {
    "CB-205": "a code has no row: the map's gap, which the checker lists",
    "CB-209": "a deletion while it is not clear which item is meant",
    "CB-301": "a value that the other side has no spelling for: a part holds the mark between parts",
    "CB-302": "the map or the format requires what the edit took away",
    "CB-505": "what the map requires is withheld",
}


@dataclass
class Tally:
    """What trips came to. ``broken`` has one witness for each kind of difference, the shortest."""

    seed: int
    trips: int = 0
    held: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    count: Counter[str] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)

    def run(self, law: str, trip: Callable[[], list[str]], *witness: Any) -> None:
        """One trip by one law."""
        self.trips += 1
        try:
            said = trip()
        except CaseBridgeError as e:
            if law in ("PutGet", "Create") and e.code in REFUSALS:
                self.refused[e.code] += 1
                return
            said = [f"{type(e).__name__}: {e}"]
        if said:
            self.note(f"{law}: {re.sub(r'[0-9]+', '*', said[0].split(' = ')[0])[:120]}", said, witness)

    def note(self, kind: str, said: list[str], witness: tuple[Any, ...]) -> None:
        """A difference, with what it came from."""
        self.count[kind] += 1
        text = "\n".join([f"seed {self.seed}: {'; '.join(said[:5])}", *map(_shown, witness)])
        if kind not in self.broken or len(text) < len(self.broken[kind]):
            self.broken[kind] = text


def _shown(part: Any) -> str:
    return part if isinstance(part, str) else json.dumps(json.loads(dumps(part)), ensure_ascii=False)[:3000]


def imported(world: Shipped, laws: Laws, tally: Tally, count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Records and the slices read from them; a record that the case model rightly holds is left out."""
    for record in islice(records(world.map, world.element, tally.seed), count):
        try:
            slice_ = laws.executor.read(record).slice
            for kind, _, found in records_of({slot: part for slot, part in slice_.items() if slot != "complete"}):
                validate_record(kind, found)
        except CaseBridgeError as e:
            if HELD in str(e):
                tally.held += 1
            else:
                tally.note(f"read: {e.code}", [str(e)], (record,))
            continue
        yield record, slice_


def there_and_back(world: Shipped, laws: Laws, tally: Tally, count: int) -> None:
    """GetPut on every record, then PutGet with an edit and, for every fourth, what is withheld.

    What has no room is asked of every eighth: the interpreter answers, which takes longer.
    """
    dice = Dice(tally.seed)
    for i, (record, slice_) in enumerate(imported(world, laws, tally, count)):
        if world.map.definition.only == "import" or not slice_ or not world.map.fits(slice_):
            continue
        ask = i % 8 == 0
        tally.run("GetPut", lambda: laws.get_put(record, slice_, ask=ask), record, slice_)  # noqa: B023
        dice.next()
        if i % 4 == 3:
            veiled, what = world.editor.withheld(slice_, dice)
            tally.run("withheld", lambda: laws.withheld(record, veiled), what, record, veiled)  # noqa: B023
        elif edited := world.editor.edit(slice_, dice):
            case, what = edited
            tally.run("PutGet", lambda: laws.put_get(record, case, ask=ask), what, record, slice_, case)  # noqa: B023


def outward(world: Shipped, laws: Laws, tally: Tally, count: int) -> None:
    """Create: slices on nothing."""
    for i, slice_ in enumerate(islice(slices(world.map, tally.seed, world.element), count)):
        tally.run("Create", lambda: laws.put_get(None, slice_, ask=i % 8 == 0), slice_)  # noqa: B023
