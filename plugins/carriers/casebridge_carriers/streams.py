"""Payloads as streams: a file that must not change while it is read, and a folder of files as one zip."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from casebridge.core.errors import TryAgain
from casebridge_carriers.names import shown, unfinished

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class SteadyFile(io.FileIO):
    """A file opened for reading, links not followed; at its end it must be what it was at the start.

    Raises TryAgain CB-403 instead of the end of the file when somebody is still writing it: half a file is never
    taken for a whole one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "r")
        self._path_name = shown(path.name)
        self._before = self._state()

    def _state(self) -> tuple[int, int]:
        status = os.fstat(self.fileno())
        return status.st_size, status.st_mtime_ns

    def _check(self) -> None:
        if self._state() != self._before:
            raise TryAgain("CB-403", f"{self._path_name}: the file is still being written")

    def readinto(self, buffer: Any) -> int:
        """As ``io.RawIOBase.readinto``."""
        try:
            count = super().readinto(buffer) or 0
        except OSError as e:
            raise self._broken(e) from e
        if count == 0:
            self._check()
        return count

    def readall(self) -> bytes:
        """As ``io.RawIOBase.readall``."""
        try:
            data = super().readall() or b""
        except OSError as e:
            raise self._broken(e) from e
        self._check()
        return data

    def _broken(self, error: OSError) -> TryAgain:
        return TryAgain("CB-401", f"{self._path_name}: reading stopped ({error.strerror})")


def open_steady(path: Path) -> io.BufferedReader:
    """``path`` for reading, buffered."""
    return io.BufferedReader(SteadyFile(path))


def zip_folder(folder: Path) -> IO[bytes]:
    """The files of ``folder`` as one zip in a temporary file; the same content gives the same bytes.

    Names sorted, no times, not compressed (a newer zlib would give other bytes, and the payload another digest).
    """
    packed = tempfile.TemporaryFile()  # noqa: SIM115  the receiver closes it
    with ExitStack() as failed:
        failed.callback(packed.close)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.iterdir()):
                if path.is_file() and not path.is_symlink() and not unfinished(path.name):
                    _add(archive, path)
        failed.pop_all()
    packed.seek(0)
    return packed


def _add(archive: zipfile.ZipFile, path: Path) -> None:
    entry = zipfile.ZipInfo(shown(path.name), _ZIP_EPOCH)
    entry.create_system, entry.external_attr = 3, 0o600 << 16
    with open_steady(path) as source, archive.open(entry, "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target, 1 << 20)
