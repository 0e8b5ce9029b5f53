"""A file that is there whole or not at all, and what an earlier run left behind when it was killed."""

from __future__ import annotations

import fcntl
import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from casebridge.core.errors import SetupError

ENDING = ".unfinished"


@contextmanager
def whole_file(out: Path) -> Iterator[BinaryIO]:
    """What is written to is put in the place of ``out`` at the end, readable for its owner alone.

    Until then it stands beside it. Who writes it holds a lock on it, and a lock dies with its process: so what a killed
    run has left is told from what another one is writing just now, and is removed.
    """
    _remove_leftovers(out)
    file, place = _locked(out)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(place, out)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def check_place(place: Path, *others: Path) -> None:
    """Can a file be written here, and is it none of the others? Asked before the work; SetupError CB-241 if not."""
    remedy = ""
    if place.is_dir():
        remedy = "It is a folder: name a file."
    elif not place.parent.is_dir():
        remedy = f"There is no folder {place.parent}."
    elif any(_same(place, other) for other in others):
        remedy = "It is read, or written, by this command already: name another file."
    if remedy:
        raise SetupError("CB-241", f"{place} cannot be written", remedy=remedy)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def _locked(out: Path) -> tuple[BinaryIO, Path]:
    """A new file beside ``out`` with our lock on it, and still there: another run may have taken it for a leftover."""
    while True:
        try:
            number, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=ENDING)
        except OSError as error:
            remedy = f"Name a folder that is there and that you may write to; {out.parent} is not."
            raise SetupError("CB-241", f"{out} cannot be written: {error.strerror}", remedy=remedy) from None
        file = os.fdopen(number, "w+b")
        with suppress(OSError):  # where a file system has no locks nothing is ever taken for a leftover
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file, Path(name)
        file.close()


def _remove_leftovers(out: Path) -> None:
    for left in out.parent.glob(f"{glob.escape(f'.{out.name}.')}*{ENDING}"):
        with suppress(OSError), left.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
