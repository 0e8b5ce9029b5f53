"""First half: the records of a file, read by their maps, onto the shelf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from casebridge.adapter import Native
from casebridge.core.belonging import external_id_of, subject_of
from casebridge.core.case import records_of, validate_record
from casebridge.core.errors import CaseBridgeError, RecordError
from casebridge.mapping import Map
from casebridge.translating.losses import Losses
from casebridge.translating.report import Report
from casebridge.translating.shelf import Kept, Shelf
from casebridge.translating.sides import Side

Tell = Callable[[str, int], None]
"""Told of progress: what is being done, and how many records so far."""


def take_in(file: Path, source: Side, shelf: Shelf, report: Report, tell: Tell) -> None:
    """Read every record; what cannot be read is on the report and the next goes on."""
    maps, heading = source.maps, getattr(source.format, "heading", "")
    losses = {map_.name: Losses(map_) for map_ in maps}
    for native in source.natives(file):
        report.read += 1
        tell("reading", report.read)
        if isinstance(native, RecordError):
            report.refuse(native.position, native)
            continue
        if native.type == heading:
            shelf.heading = native
        map_ = maps.find(native.type, native.data)
        if map_ is None:
            report.no_map[native.type] += 1
            continue
        try:
            _keep(map_, losses[map_.name], native, shelf, report)
        except CaseBridgeError as error:
            report.refuse(native.position, error)


def _keep(map_: Map, losses: Losses, native: Native, shelf: Shelf, report: Report) -> None:
    found = map_.read(native.data)
    records = records_of(found.slice)
    for kind, _, record in records:
        validate_record(kind, record, native.position)
    for kind, path, record in records:
        external_id = external_id_of(native.external_id, kind, path, record)
        subject = subject_of(native.external_id, kind, record, found.slice)
        if not shelf.keep(Kept(kind, external_id, subject, str(native.position), record, report.read)):
            report.repeated += 1
    report.not_read.update(f"{native.type}.{place}" for place in losses.not_read(native.data, found))
