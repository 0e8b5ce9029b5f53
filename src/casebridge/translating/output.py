"""Second half: the records on the shelf, written by the target's maps, proved and rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from casebridge.adapter import OutFile, RenderContext
from casebridge.core.case import PLURALS
from casebridge.core.disclosure import HARMLESS
from casebridge.core.errors import CaseBridgeError, RecordError
from casebridge.core.released import Released
from casebridge.mapping import Map
from casebridge.mapping.inspection.places import at, general
from casebridge.translating.intake import Tell
from casebridge.translating.naming import Names
from casebridge.translating.own_file import own_document
from casebridge.translating.report import Report
from casebridge.translating.shelf import Kept, Shelf
from casebridge.translating.sides import Side

BATCH = 200
DEPTH = 4  # parents of parents: an enrollment's project's organization
NO_PLACE = ("CB-205", "CB-211", "CB-302", "CB-340")
"""What a map's errors mean here: the target has no word or no place for such a record."""


def write_documents(names: Names, report: Report, tell: Tell, *, drop_labels: bool = False) -> None:
    """Every record as a document of the target, on the shelf; what has no place there is on the report."""
    done = 0
    for kind in names.shelf.kinds():
        for kept in names.shelf.records(kind):
            done += 1
            tell("translating", done)
            if (map_ := names.map_for(kept)) is None:
                report.no_place[kind, f"the maps `{names.target.maps.name}` write no such {kind}"] += 1
                continue
            try:
                _write(names, map_, kept, report, drop_labels)
            except CaseBridgeError as error:
                if error.code in NO_PLACE:
                    report.no_place[kind, error.message] += 1
                else:
                    report.refuse(kept.position, error)


def _write(names: Names, map_: Map, kept: Kept, report: Report, drop_labels: bool) -> None:
    name = names.shelf.name(kept.kind, kept.external_id)
    assert name is not None  # noqa: S101  (it was named with the same maps)
    exported = map_.write(_slice(names.shelf, map_, kept, name.key), names)
    lost = [general(place) for place in exported.no_room]
    _look_at_labels(kept, lost, drop_labels)
    report.no_room.update(lost)
    names.shelf.write(name, kept.position, {**exported.data, **names.id_fields(map_.other, kept.external_id)})


def _slice(shelf: Shelf, map_: Map, kept: Kept, key: str) -> dict[str, Any]:
    """The record in its slot, and in the map's other slots the records of the same person."""
    main = {**kept.data, "external_id": key}
    if kept.subject and kept.kind != "person" and shelf.record("person", kept.subject):
        main.setdefault("subject", {"kind": "person", "external_id": kept.subject})
    slice_ = {map_.case[0]: [main] if map_.case[0] in PLURALS else main}
    person = kept.external_id if kept.kind == "person" else kept.subject
    for slot in map_.case[1:]:
        found = [one.data for one in shelf.about(person, PLURALS.get(slot, slot)) if one.external_id != person]
        if found:
            slice_[slot] = found if slot in PLURALS else found[0]
    return slice_


def _look_at_labels(kept: Kept, lost: list[str], drop_labels: bool) -> None:
    """A label that protects a person must not fall off on the way."""
    protecting = set(kept.data.get("labels") or ()) - HARMLESS
    if protecting and not drop_labels and any(".labels" in place for place in lost):
        raise RecordError(
            "CB-242", f"this {kept.kind} is labelled as protected, and the target has no place for the label",
            external_id="",
        )  # fmt: skip


class Documents(Sequence[Released]):
    """Documents of the shelf as a format takes them, each read when it is asked for, with its parents nested."""

    def __init__(self, shelf: Shelf, target: Side, numbers: Sequence[int]) -> None:
        self._shelf, self._numbers = shelf, numbers
        self._maps = {m.other: m for m in target.maps}

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Released: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Released]: ...
    def __getitem__(self, index: int | slice) -> Released | Sequence[Released]:
        if isinstance(index, slice):
            return [self._document(number) for number in self._numbers[index]]
        return self._document(self._numbers[index])

    def __iter__(self) -> Iterator[Released]:
        return map(self._document, self._numbers)

    def _document(self, number: int) -> Released:
        native_type, _, _, document = self._shelf.numbered(number)
        return own_document(self._with_parents(native_type, document, DEPTH), native_type)

    def _with_parents(self, native_type: str, document: dict[str, Any], depth: int) -> dict[str, Any]:
        """The document with the parents that its map's ``shape`` joins to it."""
        map_ = self._maps.get(native_type)
        prefix = native_type.partition("/")[0]
        parents: Mapping[str, Mapping[str, Any]] = (map_.shape.get("parents") or {}) if map_ and depth else {}
        for name, parent in parents.items():
            key, type_ = at(document, str(parent.get("follow", ""))), f"{prefix}/{parent.get('type', '')}"
            found = self._shelf.document(type_, key) if isinstance(key, str) else None
            if found is not None:
                document[name] = self._with_parents(type_, found, depth - 1)
        return document


def rendered(shelf: Shelf, target: Side, context: RenderContext, report: Report, tell: Tell) -> Iterator[OutFile]:
    """The files of all documents that the target's format takes; one it refuses is on the report, alone."""
    good: list[int] = []
    numbers = shelf.numbers()
    for start in range(0, len(numbers), BATCH):
        good += _proved(shelf, target, context, numbers[start : start + BATCH], report)
        tell("checking", min(start + BATCH, len(numbers)))
    for number in good:
        report.written[shelf.numbered(number)[0]] += 1
    if good:
        yield from target.format.render(Documents(shelf, target, good), context)


def _proved(shelf: Shelf, target: Side, context: RenderContext, numbers: list[int], report: Report) -> list[int]:
    """The numbers of the documents that can be rendered; a batch that cannot is looked at by halves."""
    try:
        for _ in target.format.render(Documents(shelf, target, numbers), context):
            pass
    except CaseBridgeError as error:
        if len(numbers) == 1:
            report.refuse(shelf.numbered(numbers[0])[2], error)
            return []
        middle = len(numbers) // 2
        return [n for half in (numbers[:middle], numbers[middle:])
                for n in _proved(shelf, target, context, half, report)]  # fmt: skip
    return numbers
