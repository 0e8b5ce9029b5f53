"""Round trips: the map's own examples, and generated records there and back. What is promised must not change.

Put: a record that is read and written onto itself stays as it was. Create: a case record, written to an empty record
and read again, says the same, but for what a verdict names as lossy or one-way; and what is written fits the format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from typing import Any

from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import CaseBridgeError
from casebridge.core.native import Element
from casebridge.mapping import generate, interpreter
from casebridge.mapping.checking import laws
from casebridge.mapping.checking.fitting import misfit
from casebridge.mapping.checking.places import spelled as spelled_spot
from casebridge.mapping.checking.report import Finding, Verdict
from casebridge.mapping.checking.survey import survey
from casebridge.mapping.examples import failures
from casebridge.mapping.maps import Map
from casebridge.mapping.model import Leaf
from casebridge.mapping.reading import Trace
from casebridge.mapping.translate import OwnIds
from casebridge.mapping.walk import MISSING, blank, is_absent, leaves, spelled, text_of

SEED = 20261121
WORST = 5  # so many findings are enough to see what is wrong
CONVERTED = 50  # records on whose values the converters are tried


@dataclass(slots=True)
class Trips:
    """What the generated records came to: how many went through, and how many the map rightly held."""

    made: int = 0
    held: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)


def examples(map_: Map) -> Iterator[Finding]:
    """The map's own examples that do not hold."""
    for place, said in failures(map_.definition):
        yield Finding("CB-206", place, said, remedy="Correct the map or the example.")


def run(map_: Map, element: Element | None, verdicts: tuple[Verdict, ...], runs: int) -> Trips:
    """``runs`` generated records, each put onto itself and created anew."""
    trips, promise = Trips(), _promise(map_, verdicts)
    way = map_.definition.only
    for record in islice(generate.records(map_, element, SEED), runs):
        if len(trips.findings) >= WORST:
            break
        trips.made += 1
        if trips.made <= CONVERTED:
            for finding in _converted(map_, record):
                trips.findings.setdefault(finding.message, finding)
        slice_ = _read(map_, record)
        if slice_ is None:
            trips.held += 1
        elif not way:
            for token, finding in _there_and_back(map_, element, record, slice_, promise):
                trips.findings.setdefault(token, finding)
    if not way:
        _outward(map_, element, promise.for_case_records(), runs // 4, trips)
    return trips


def _converted(map_: Map, record: dict[str, Any]) -> Iterator[Finding]:
    """The converters on the values they meet in a record, which are not their own samples."""
    trace: Trace = []
    try:
        interpreter.read(map_.definition, record, trace)
    except CaseBridgeError:
        return
    for _, where, line in trace:
        convert = line.convert if isinstance(line, Leaf) and not line.codes else None
        value = interpreter.value_of(record, where) if convert and where else MISSING
        if convert and isinstance(value, str) and (said := laws.hold(convert, value)):
            yield laws.broken(convert, line.place, f"breaks its law ({convert.law})", said)


def _outward(map_: Map, element: Element | None, promise: Promise, runs: int, trips: Trips) -> None:
    """Case records sent out and read again."""
    for slice_ in islice(generate.slices(map_, SEED, element), runs):
        if len(trips.findings) >= WORST:
            return
        trips.made += 1
        try:
            sent = map_.write(slice_, OwnIds())
            again = map_.read(sent.data).slice
        except CaseBridgeError:
            trips.held += 1
            continue
        changed = list(_changed(slice_, again, promise))
        no_room = {_bare(path) for path in sent.no_room} if changed else set()
        for path, witness in changed:
            if path not in no_room:
                trips.findings.setdefault(path, _lost(map_, path, witness))


def _read(map_: Map, record: dict[str, Any]) -> dict[str, Any] | None:
    """The slice, or None when the map or the case model holds the record."""
    try:
        slice_ = map_.read(record).slice
        for kind, _, found in records_of({slot: part for slot, part in slice_.items() if slot != "complete"}):
            validate_record(kind, found)
    except CaseBridgeError:
        return None
    return slice_


def _there_and_back(
    map_: Map, element: Element | None, record: dict[str, Any], slice_: dict[str, Any], promise: Promise
) -> Iterator[tuple[str, Finding]]:
    if not map_.fits(slice_):
        return
    try:
        put = map_.write(slice_, OwnIds(), record).data
        if record and put != record:  # onto nothing is a new record
            yield _moved(map_, record, put)
        made = map_.write(slice_, OwnIds()).data
        again = map_.read(made).slice
    except CaseBridgeError:
        return
    for path, witness in _changed(slice_, again, promise):
        yield path, _lost(map_, path, witness)
    if element is not None and (said := misfit(element, made)) and misfit(element, record) is None:
        yield said[0], _unfit(map_, *said)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the verdicts promise: the case paths whose values come back, and the paths (or one value) that may not.

    ``hanging`` are lines of branches that are only read if something else is there, which a case record may lack.
    """

    kept: frozenset[str]
    waived: frozenset[str]
    hanging: frozenset[str] = frozenset()

    def covers(self, path: str, value: str) -> bool:
        """Must this value come back? Constants that only selectors write go with their item."""
        names = set(_upward(path)) | set(_upward(path.partition(".")[2]))
        given_up = names | {f"{name}={value}" for name in names}
        return bool(names & self.kept) and not given_up & self.waived

    def for_case_records(self) -> Promise:
        """What can be promised to a record that may be as incomplete as a case record may be."""
        return replace(self, waived=self.waived | self.hanging)


def _promise(map_: Map, verdicts: tuple[Verdict, ...]) -> Promise:
    waived = {
        one for v in verdicts for one in _places(v.case)
        if v.verdict in ("lossy", "one-way") or ("=" in one and v.verdict == "canonical")
    }  # fmt: skip
    kept = {_bare(v.case).partition("=")[0] for v in verdicts if v.verdict in ("lossless", "canonical")}
    hanging = set()
    for stand in survey(map_.definition).stands:
        path = _bare(spelled_spot(stand.case))
        if isinstance(stand.line, Leaf) and stand.line.link:  # a partner knows a record by its own id alone
            waived |= {f"{path}.{part}" for part in ("kind", "id", "display")}
        if any(held.condition.test not in ("equal", "absent") for held in stand.other_if):
            hanging.add(path)
    return Promise(frozenset(kept), frozenset(waived), frozenset(hanging))


def _upward(path: str) -> Iterator[str]:
    """``a.b.c``, ``a.b`` and ``a``."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _places(case: str) -> list[str]:
    """``status=a|b`` are two values of one place."""
    path, _, constants = _bare(case).partition("=")
    return [f"{path}={constant}" for constant in constants.split("|")] if constants else [path]


def _bare(path: str) -> str:
    found, depth = "", 0
    for char in path:
        depth += char in "(["
        found += char if depth == 0 else ""
        depth -= char in ")]"
    return found


def _changed(before: Any, after: Any, promise: Promise) -> Iterator[tuple[str, str]]:
    """Each case path that lost a value it should have kept, with the value and what came instead."""
    if before == after:
        return
    first: dict[str, Counter[str]] = {}
    second: dict[str, Counter[str]] = {}
    for slot in {**before, **after}:
        if slot != "complete":
            _apart(before.get(slot), after.get(slot), slot, first, second)
    for path, values in first.items():
        if values == second.get(path):
            continue
        lost = [v for v in values - second.get(path, Counter()) if promise.covers(path, v)]
        if lost:
            yield path, f"{lost[0]} -> {next(iter(second.get(path, Counter()) - values), '(nothing)')}"


def _apart(before: Any, after: Any, path: str, first: dict[str, Counter[str]], second: dict[str, Counter[str]]) -> None:
    """Each case path without its list positions, with the values that only one of the two has in that very place."""
    if type(before) is dict and type(after) is dict and not (is_absent(before) or is_absent(after)):
        for key, child in before.items():
            _apart(child, after.get(key), f"{path}.{key}", first, second)
        for key in [key for key in after if key not in before]:
            _gather(after[key], f"{path}.{key}", second)
    elif type(before) is list and type(after) is list:
        for one, other in zip_longest(before, after):
            _apart(one, other, path, first, second)
    elif before != after or type(before) is not type(after):
        _gather(before, path, first)
        _gather(after, path, second)


def _gather(node: Any, path: str, found: dict[str, Counter[str]]) -> None:
    if isinstance(node, list):
        for item in node:
            _gather(item, path, found)
    elif isinstance(node, dict) and not is_absent(node):
        for key, child in node.items():
            _gather(child, f"{path}.{key}", found)
    elif not blank(node):
        said = f"absent:{node['absent']}" if isinstance(node, dict) else text_of(node)
        found.setdefault(path, Counter())[said] += 1


def _moved(map_: Map, record: dict[str, Any], put: dict[str, Any]) -> tuple[str, Finding]:
    before, after = _leaves(record), _leaves(put)
    path = min((p for p in before.keys() | after.keys() if before.get(p) != after.get(p)), default="")
    return f"put {_bare(path)}", Finding(
        "CB-229", map_.definition.place, f"writing a record back onto itself changes `{path}`",
        f"A partner's record would change although nobody changed anything: {before.get(path, '(nothing)')} -> "
        f"{after.get(path, '(nothing)')}.",
        "Look at the lines that write there; the record was made up from the map.",
    )  # fmt: skip


def _leaves(node: Any) -> dict[str, str]:
    found = {}
    for where in leaves(node):
        value = node
        for part in where:
            value = value[part]
        found[spelled(where)] = text_of(value)
    return found


def _lost(map_: Map, path: str, witness: str) -> Finding:
    return Finding(
        "CB-229", map_.definition.place, f"`{path}` does not come back as it was sent",
        f"A record that was exported as a new one and imported again: {witness}.",
        "Mend the line, let it go one way, or sign the loss.",
    )  # fmt: skip


def _unfit(map_: Map, path: str, said: str) -> Finding:
    return Finding(
        "CB-229", map_.definition.place, f"what the map writes at `{path}` does not fit the partner's format",
        f"{said}.", "Mend the line that writes there.",
    )  # fmt: skip
