"""A whole file from one notation to another: read, translated, written beside its place and put there when whole."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from casebridge.adapter import Gathering, OutFile, RenderContext
from casebridge.core.errors import RecordError, SetupError
from casebridge.translating.beside import lay_beside, meet
from casebridge.translating.holding import hold_whole, wall_off
from casebridge.translating.intake import Tell, take_in
from casebridge.translating.naming import Names
from casebridge.translating.output import write_documents
from casebridge.translating.proving import Proof
from casebridge.translating.report import Report
from casebridge.translating.shelf import Shelf
from casebridge.translating.sides import Side


def translate(
    file: Path, source: Side, out: Path, target: Side, tell: Tell = lambda doing, count: None, *,
    beside: Path | None = None, drop_labels: bool = False,
) -> Report:  # fmt: skip
    """Translate ``file`` to ``out``; ``beside`` is a file of the target's own, whose records new ones hang on.

    Raises what the source's format says of a file that cannot be read as a whole, and RecordError CB-243 when nothing
    of it can be written; then ``out`` is as it was.
    """
    _check(file, source, out, target, beside)
    report = Report()
    with closing(Shelf()) as shelf:
        take_in(source.natives(file), source.maps, shelf, report, tell)
        wall_off(shelf, report)
        if beside is not None:
            lay_beside(beside, target, shelf, tell)
        proof = Proof(shelf, target, RenderContext(_dispatch(file), datetime.now(UTC), partner="file"), report)
        _make(proof, tell, drop_labels)
        with _whole(out) as stream:
            _put(proof.files(), target, out, stream, report)
    return report


def _make(proof: Proof, tell: Tell, drop_labels: bool) -> None:
    """Write every record as a document and tell good from bad; again without what the bad ones take with them."""
    names = Names(proof.target, proof.shelf)
    while True:
        names.name_all()
        meet(proof.shelf)
        write_documents(names, proof.report, tell, drop_labels=drop_labels)
        proof.prove(tell)
        if not hold_whole(proof.shelf, proof.report):
            return
        proof.start_again()


def _check(file: Path, source: Side, out: Path, target: Side, beside: Path | None) -> None:
    asked = [(source, "parse", "read"), (target, "render", "write"), *([(target, "parse", "read")] if beside else [])]
    for side, capability, doing in asked:
        if capability not in side.format.capabilities:
            raise SetupError("CB-241", f"the format {side.format.name} does not {doing} files")
    for one in (file, *([beside] if beside else [])):
        if not one.is_file():
            raise SetupError("CB-240", f"there is no file {one}", remedy="Name a file as the partner sends it.")
    if out.exists() and (out.is_dir() or out.samefile(file) or (beside and out.samefile(beside))):
        raise SetupError("CB-241", f"{out} cannot be written", remedy="Name another file for what is written.")


def _put(files: Iterator[OutFile], target: Side, out: Path, stream: BinaryIO, report: Report) -> None:
    first = next(files, None)
    if first is None:
        raise RecordError("CB-243", f"nothing could be written to {out.name}: {_why(report)}")
    second = next(files, None)
    if second is None and not isinstance(target.format, Gathering):
        stream.write(first.data)
        return
    if not isinstance(target.format, Gathering):
        raise SetupError("CB-241", f"the format {target.format.name} writes a file for every record, not one of all")
    target.format.gather(itertools.chain([first], [second] if second else [], files), stream)


def _why(report: Report) -> str:
    reasons = [why for _, why in report.no_place] + [why for _, why in report.held]
    reasons += [one.message for one in report.refused]
    return "; ".join(dict.fromkeys(reasons[:3])) or "no record of it has a map"


def _dispatch(file: Path) -> str:
    """The same file makes the same export each time."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:26]


class _whole:
    """A file that is there whole or not at all: written beside its place, readable for its owner alone."""

    def __init__(self, out: Path) -> None:
        self._out = out
        try:
            self._file = tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False)  # noqa: SIM115
        except OSError as error:
            remedy = f"Name a folder that is there and that you may write to; {out.parent} is not."
            raise SetupError("CB-241", f"{out} cannot be written: {error.strerror}", remedy=remedy) from None

    def __enter__(self) -> BinaryIO:
        return self._file.file  # type: ignore[return-value]

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._file.flush()
        if error is None:
            os.fsync(self._file.fileno())
        self._file.close()
        if error is None:
            os.replace(self._file.name, self._out)
        else:
            os.unlink(self._file.name)
