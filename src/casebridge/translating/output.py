"""Second half: the records on the shelf, written by the target's maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

from casebridge.core import labels
from casebridge.core.case import PLURALS, records_of
from casebridge.core.errors import CaseBridgeError, RecordError
from casebridge.core.released import Released
from casebridge.mapping import Map
from casebridge.translating.differing import count_met
from casebridge.translating.intake import Tell
from casebridge.translating.naming import Names
from casebridge.translating.own_file import own_document
from casebridge.translating.report import Report
from casebridge.translating.shelf import Document, Kept, Shelf
from casebridge.translating.sides import Side

NO_PLACE = ("CB-205", "CB-211", "CB-302", "CB-340")
"""What a map's errors mean here: the target has no word or no place for such a record."""


def write_documents(names: Names, report: Report, tell: Tell, *, drop_labels: bool = False) -> None:
    """Every record as a document of the target, on the shelf; what has no place there is on the report."""
    done = 0
    for kind in names.shelf.kinds():
        for kept in names.shelf.records(kind):
            done += 1
            tell("translating", done)
            try:
                if kind == "person" and names.shelf.met(kept.external_id) is not None:
                    _look_at_labels_of_met(kept, drop_labels)
                    count_met(names, kept, report)
                elif (map_ := names.map_for(kept)) is not None:
                    _write(names, map_, kept, report, drop_labels)
            except CaseBridgeError as error:
                if error.code in NO_PLACE:
                    report.displace(kind, error)
                else:
                    names.shelf.leave_out(kind, kept.external_id)
                    report.refuse(kept.position, error)
    _tell_of_the_rest(names, report)


def _tell_of_the_rest(names: Names, report: Report) -> None:
    """Records without a name there: no map writes them, and they went along in no other's document."""
    for kind, count in names.shelf.nameless().items():
        report.no_place[kind, f"the maps `{names.target.maps.name}` write no such {kind}"] += count


def _write(names: Names, map_: Map, kept: Kept, report: Report, drop_labels: bool) -> None:
    name = names.shelf.name(kept.kind, kept.external_id)
    assert name is not None  # noqa: S101  (it was named with the same maps)
    names.asked.clear()
    names.answers.clear()
    slice_ = _slice(names, map_, kept, name.key)
    exported = map_.write(slice_, names)
    lost = names.losses[map_.name].no_room(slice_, exported, tuple(names.answers))
    _look_at_labels(slice_, lost, drop_labels)
    report.no_room.update(lost)
    document = {**exported.data, **names.id_fields(map_.other, kept.external_id)}
    if not names.shelf.write(name, kept, document, names.asked):
        raise RecordError("CB-246", f"another record has the name of this {kept.kind} in the target already")


def _slice(names: Names, map_: Map, kept: Kept, key: str) -> dict[str, Any]:
    """The record in its slot, and in the map's other slots the records of the same person."""
    shelf, main = names.shelf, {**kept.data, "external_id": key}
    if map_.name in names.required:
        names.required[map_.name].say_not_asked(main)
    if kept.subject and kept.kind != "person" and shelf.record("person", kept.subject):
        main.setdefault("subject", {"kind": "person", "external_id": kept.subject})
    if kept.kind == "referral" and "participation" not in main and (known := names.enrollment_of(kept.subject)):
        main["participation"] = known
    slice_ = {map_.case[0]: [main] if map_.case[0] in PLURALS else main}
    person = kept.external_id if kept.kind == "person" else kept.subject
    for slot in map_.case[1:]:
        found = [one for one in shelf.about(person, PLURALS.get(slot, slot)) if one != kept]
        taken = found if slot in PLURALS else found[:1]
        for one in taken:
            shelf.carry(one)
        if taken:
            slice_[slot] = [one.data for one in taken] if slot in PLURALS else taken[0].data
    return slice_


def _look_at_labels(slice_: dict[str, Any], lost: Iterable[str], drop_labels: bool) -> None:
    """A label that protects a person must not fall off on the way, from none of the records that go together."""
    fallen = {place.partition(".")[0].partition("[")[0] for place in lost if ".labels" in place}
    for kind, path, record in records_of(slice_) if fallen and not drop_labels else ():
        if path.partition("[")[0] in fallen and labels.names(record.get("labels")) - labels.HARMLESS:
            raise RecordError(
                "CB-242", f"this {kind} is labelled as protected, and the target has no place for the label",
            )  # fmt: skip


def _look_at_labels_of_met(kept: Kept, drop_labels: bool) -> None:
    """Who is met is not written anew, so a label has no place either: what is about them would go without it."""
    if not drop_labels and labels.names(kept.data.get("labels")) - labels.HARMLESS:
        raise RecordError("CB-242", "this person is labelled as protected and is in the target's own file already, "
                          "where the label is not written")  # fmt: skip


class Documents(Sequence[Released]):
    """Documents of the shelf as a format takes them, each read when it is asked for.

    What a document hangs on is nested in it where it comes from the target's own file; the rest stands for itself.
    """

    def __init__(self, shelf: Shelf, target: Side, numbers: Sequence[int], tell: Tell) -> None:
        self._shelf, self._target, self._numbers, self._tell = shelf, target, numbers, tell
        self._beside = shelf.lies_beside()

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
        for done, number in enumerate(self._numbers, 1):
            self._tell("writing", done)
            yield self._document(number)

    def _document(self, number: int) -> Released:
        found = self._shelf.numbered(number)
        around = self._around(found) if self._beside else {}
        return own_document({**found.data, **around}, found.native_type)

    def _around(self, found: Document) -> dict[str, Any]:
        return {name: data for name, type_, key in self._target.parents(found.native_type, found.data)
                if (data := self._shelf.there(type_, key)) is not None}  # fmt: skip
