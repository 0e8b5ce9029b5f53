"""Opening a zip somebody sent us: nothing is unpacked to disk, and nothing is read before it looks harmless."""

from __future__ import annotations

import codecs
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO

from casebridge.core.errors import Position, RecordError
from casebridge_hmis.encoding import KEPT, Survey
from casebridge_hmis.guarding import guard, guard_directory
from casebridge_hmis.left_out import LeftOut
from casebridge_hmis.spec import FY2026

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """One CSV file of the export: its name in the zip, the byte order mark it began with and what it is written in.

    ``mixed``: not all of it is UTF-8 (see ``encoding``).
    """

    file: str
    path: str
    bom: bytes
    encoding: str
    mixed: bool


class Archive:
    """An export in a zip: the CSV files at the root or in one folder, by their FY2026 name."""

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        guard_directory(stream)
        stream.seek(0)
        try:
            self._zip = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
            raise RecordError("CB-303", "this is not a whole zip file", expected="one .zip of HMIS CSV files") from None
        self.infos = self._zip.infolist()
        guard(self.infos, max_bytes)
        paths = [i.filename for i in self.infos if not i.is_dir() and not _litter(i.filename)]
        self.folder = _folder(paths)
        self._paths = _by_file(paths, self.folder)
        self._members: dict[str, Member] = {}

    @property
    def left_out(self) -> LeftOut:
        """What screening took out of it."""
        return LeftOut.told_by(self._zip.comment)

    def __contains__(self, file: str) -> bool:
        return file in self._paths

    def file_at(self, path: str) -> str:
        """The FY2026 file name of a zip member in the export's folder, or ''."""
        name = _file_name(path)
        return name if self._paths.get(name) == path else ""

    def is_of_export(self, path: str) -> bool:
        """Is the zip member a file of the specification, or the folder they are in?"""
        return self.file_at(path) != "" or path == f"{self.folder}/"

    def member(self, file: str) -> Member:
        """Reads the file once, whole: proves its checksum, finds its encoding, and that no line fills the memory."""
        if file not in self._members:
            path = self._paths[file]
            bom, found = self._survey(file, path)
            self._members[file] = Member(file, path, bom, found.encoding, found.others)
        return self._members[file]

    def _survey(self, file: str, path: str) -> tuple[bytes, Survey]:
        found = Survey()
        bom = b""
        with self.bytes_of(file, path) as source:
            first = True
            while chunk := source.read(CHUNK):
                if len(chunk) == CHUNK and b"\n" not in chunk and b"\r" not in chunk:
                    raise RecordError("CB-304", "a line of the file is too long", position=Position(file=f"{file}.csv"),
                                      expected=f"at most {CHUNK} bytes")  # fmt: skip
                if first and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise RecordError("CB-303", "the file is UTF-16", position=Position(file=f"{file}.csv"),
                                      expected="UTF-8", remedy="Export again as UTF-8.")  # fmt: skip
                bom = codecs.BOM_UTF8 if first and chunk.startswith(codecs.BOM_UTF8) else bom
                found.feed(chunk.removeprefix(bom) if first else chunk)
                first = False
        found.feed(b"", final=True)
        return bom, found

    @contextmanager
    def bytes_of(self, file: str, path: str = "") -> Iterator[IO[bytes]]:
        """The file's bytes; a damaged member is a CB-303 that names it."""
        try:
            with self._open(path or self._paths[file]) as source:
                yield source
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as e:
            where = Position(file=f"{file}.csv" if file else "a file of the zip")
            kind = type(e).__name__
            raise RecordError("CB-303", f"the file is damaged in the zip ({kind})", position=where) from None

    def _open(self, path: str) -> IO[bytes]:
        try:
            return self._zip.open(path)
        except UnicodeDecodeError:
            raise zipfile.BadZipFile("the name before the data") from None

    @contextmanager
    def lines(self, file: str) -> Iterator[Iterator[str]]:
        """The file's lines with their own line ends, the byte order mark taken off, bytes that are no UTF-8 kept."""
        member = self.member(file)
        with self.bytes_of(file) as source:
            source.read(len(member.bom))
            yield iter(io.TextIOWrapper(source, encoding="utf-8", errors=KEPT, newline=""))

    def close(self) -> None:
        """Let go of the zip; the stream stays open."""
        self._zip.close()


def _folder(paths: list[str]) -> str:
    folders = [path.rpartition("/")[0] for path in paths if _file_name(path) == "Export"]
    if not folders:
        raise RecordError("CB-333", "there is no Export.csv in the zip", position=Position(file="Export.csv"))
    if len(folders) > 1:
        raise RecordError("CB-303", "the zip holds more than one Export.csv", expected="one export per zip")
    return folders[0]


def _by_file(paths: list[str], folder: str) -> dict[str, str]:
    """Where each file of the specification lies. Of what is there twice nobody can say which is meant."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for path in paths:
        file = _file_name(path) if path.rpartition("/")[0] == folder else ""
        if file in found or path in seen:
            raise RecordError("CB-303", "a file is in the zip twice", expected="each once, whatever its name's case",
                              position=Position(file=f"{file}.csv" if file else ""))  # fmt: skip
        found |= {file: path} if file else {}
        seen.add(path)
    return found


def _file_name(path: str) -> str:
    """``folder/client.CSV`` -> ``Client``; '' when it is no file of the specification."""
    name = path.rpartition("/")[2].lower()
    return _BY_LOWER.get(name.removesuffix(".csv"), "") if name.endswith(".csv") else ""


def _litter(path: str) -> bool:
    """What desktop computers leave in zips."""
    return any(part == "__MACOSX" or part.startswith(".") for part in path.split("/"))


_BY_LOWER = {file.lower(): file for file in FY2026.files}  # the same in every year
