"""A whole file from one notation to another: read, translated, written beside its place and put there when whole."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from casebridge.adapter import Headed, RenderContext
from casebridge.core.errors import RecordError, SetupError
from casebridge.translating.beside import lay_beside, meet
from casebridge.translating.differing import count_replaced
from casebridge.translating.holding import hold_whole, wall_off
from casebridge.translating.intake import Tell, take_in
from casebridge.translating.naming import Names
from casebridge.translating.output import write_documents
from casebridge.translating.proving import Proof
from casebridge.translating.report import Report
from casebridge.translating.shelf import Shelf
from casebridge.translating.sides import Side
from casebridge.translating.whole_file import check_place, whole_file


def translate(
    file: Path, source: Side, out: Path, target: Side, tell: Tell = lambda doing, count: None, *,
    beside: Path | None = None, drop_labels: bool = False, saved: Path | None = None,
) -> Report:  # fmt: skip
    """Translate ``file`` to ``out``; ``beside`` is a file of the target's own, whose records new ones hang on, and
    ``saved`` is where what was lost is written in the end.

    Raises what the source's format says of a file that cannot be read as a whole, and RecordError CB-243 when nothing
    of it can be written; then ``out`` is as it was.
    """
    _check(file, source, out, target, beside)
    if saved:
        check_place(saved, file, out, *([beside] if beside else []))
    report = Report()
    with closing(Shelf()) as shelf:
        take_in(file, source, shelf, report, tell)
        wall_off(shelf, report)
        if beside is not None:
            lay_beside(beside, target, shelf, tell)
        heading = _heading(target, shelf, report)
        context = RenderContext(_dispatch(file), datetime.now(UTC), partner="file", heading=heading)
        with whole_file(out) as stream:
            _make(Proof(shelf, target, context, report), stream, tell, drop_labels)
            if not report.written:
                raise RecordError("CB-243", f"nothing could be written to {out.name}: {_why(report)}")
        count_replaced(shelf, report)
    if saved:
        report.save(saved)
    return report


def _make(proof: Proof, out: BinaryIO, tell: Tell, drop_labels: bool) -> None:
    """Write every record as a document, and all in one file; again without what had to be left out, and with it."""
    names = Names(proof.target, proof.shelf)
    whole, again = False, True
    while again or not whole:
        if again:
            proof.start_again()
            names.name_all()
            meet(proof.shelf)
            write_documents(names, proof.report, tell, drop_labels=drop_labels)
        whole = proof.write(out, tell)
        again = hold_whole(proof.shelf, proof.report)


def _heading(target: Side, shelf: Shelf, report: Report) -> Mapping[str, str]:
    """What the file made says of itself as the source did; that is not lost."""
    if shelf.heading is None or not isinstance(target.format, Headed):
        return {}
    said = target.format.headed(shelf.heading)
    report.not_read -= Counter(f"{shelf.heading.type}.{name}" for name in said)
    return said


def _check(file: Path, source: Side, out: Path, target: Side, beside: Path | None) -> None:
    asked = [(source, "parse", "read"), (target, "render", "write"), *([(target, "parse", "read")] if beside else [])]
    for side, capability, doing in asked:
        if capability not in side.format.capabilities:
            raise SetupError("CB-241", f"the format {side.format.name} does not {doing} files")
    for one in (file, *([beside] if beside else [])):
        if not one.is_file():
            raise SetupError("CB-240", f"there is no file {one}", remedy="Name a file as the partner sends it.")
    check_place(out, file, *([beside] if beside else []))


def _why(report: Report) -> str:
    reasons = [why for _, why in report.no_place] + [why for _, why in report.held]
    reasons += [one.message for one in report.refused]
    return "; ".join(dict.fromkeys(reasons[:3])) or "no record of it has a map"


def _dispatch(file: Path) -> str:
    """The same file makes the same export each time."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:26]
