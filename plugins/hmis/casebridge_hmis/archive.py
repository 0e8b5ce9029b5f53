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
from casebridge_hmis.spec import FY2026

ENTRIES = 500  # an export has 24 files; ten years of them are not one payload
DIRECTORY = ENTRIES * 1024  # bytes the zip's own list of files may take
RATIO = 400  # HMIS CSV compresses 5 to 30 times
SMALL = 1 << 20  # members up to this size may compress as they like
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """One CSV file of the export: its name in the zip, its encoding and the byte order mark it began with."""

    file: str
    path: str
    encoding: str
    bom: bytes


class Archive:
    """An export in a zip: the CSV files at the root or in one folder, by their FY2026 name."""

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        _guard_directory(stream)
        stream.seek(0)
        try:
            self._zip = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
            raise RecordError("CB-303", "this is not a whole zip file", expected="one .zip of HMIS CSV files") from None
        self.infos = self._zip.infolist()
        _guard(self.infos, max_bytes)
        csvs = [i for i in self.infos if not i.is_dir() and not _litter(i.filename)]
        self.folder = _folder(csvs)
        inside = [i.filename for i in csvs if i.filename.rpartition("/")[0] == self.folder]
        self._paths = {_file_name(path): path for path in inside if _file_name(path)}
        self._members: dict[str, Member] = {}

    def __contains__(self, file: str) -> bool:
        return file in self._paths

    def file_at(self, path: str) -> str:
        """The FY2026 file name of a zip member in the export's folder, or ''."""
        name = _file_name(path)
        return name if self._paths.get(name) == path else ""

    def member(self, file: str) -> Member:
        """Reads the file once, whole: proves its checksum and finds its encoding."""
        if file not in self._members:
            path = self._paths[file]
            bom, utf8, western = self._survey(file, path)
            encoding = "utf-8" if utf8 else "cp1252" if western else "latin-1"
            self._members[file] = Member(file, path, encoding, bom)
        return self._members[file]

    def _survey(self, file: str, path: str) -> tuple[bytes, bool, bool]:
        utf8, western = _Trial("utf-8"), _Trial("cp1252")
        bom = b""
        with self.bytes_of(file, path) as source:
            first = True
            while chunk := source.read(CHUNK):
                if first and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise RecordError("CB-303", "the file is UTF-16", position=Position(file=f"{file}.csv"),
                                      expected="UTF-8", remedy="Export again as UTF-8.")  # fmt: skip
                bom = codecs.BOM_UTF8 if first and chunk.startswith(codecs.BOM_UTF8) else bom
                first = False
                utf8.feed(chunk)
                western.feed(chunk)
        utf8.feed(b"", final=True)
        return bom, utf8.fits, western.fits

    @contextmanager
    def bytes_of(self, file: str, path: str = "") -> Iterator[IO[bytes]]:
        """The file's bytes; a damaged member is a CB-303 that names it."""
        try:
            with self._zip.open(path or self._paths[file]) as source:
                yield source
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as e:
            where = Position(file=f"{file}.csv" if file else "a file of the zip")
            kind = type(e).__name__
            raise RecordError("CB-303", f"the file is damaged in the zip ({kind})", position=where) from None

    @contextmanager
    def lines(self, file: str) -> Iterator[Iterator[str]]:
        """The file's lines with their own line ends, the byte order mark taken off."""
        member = self.member(file)
        with self.bytes_of(file) as source:
            source.read(len(member.bom))
            yield iter(io.TextIOWrapper(source, encoding=member.encoding, newline=""))

    def close(self) -> None:
        """Let go of the zip; the stream stays open."""
        self._zip.close()


class _Trial:
    """Does a stream of bytes fit an encoding?"""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self.fits = True

    def feed(self, chunk: bytes, final: bool = False) -> None:
        if self.fits:
            try:
                self._decoder.decode(chunk, final)
            except UnicodeDecodeError:
                self.fits = False


def _guard_directory(stream: BinaryIO) -> None:
    """Before the list of files is read: it may itself be made to fill the memory (APPNOTE 4.3.16)."""
    end = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, end - 65_557))  # the record at the end, with its longest comment
    tail = stream.read(65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(tail[at + 12 : at + 16], "little") > DIRECTORY:
        raise RecordError("CB-304", "the zip holds too many files", expected=f"at most {ENTRIES}")


def _guard(infos: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """Refuses a zip that would escape its folder, fill the disk or ask for a password."""
    if len(infos) > ENTRIES:
        raise RecordError("CB-304", "the zip holds too many files", expected=f"at most {ENTRIES}")
    if sum(i.file_size for i in infos) > max_bytes:
        raise RecordError("CB-304", "the files in the zip are too large", expected=f"at most {max_bytes} bytes")
    for info in infos:
        parts = info.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0] or "\\" in info.orig_filename:
            raise RecordError("CB-303", "a file name in the zip leads out of its folder", expected="plain file names")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RecordError("CB-303", "the zip is packed in a way we do not read", expected="an ordinary zip")
        if info.flag_bits & 0x1:
            raise RecordError("CB-303", "the zip is protected by a password", expected="a zip without a password")
        if info.file_size > SMALL and info.file_size > RATIO * max(info.compress_size, 1):
            raise RecordError("CB-304", "a file in the zip unpacks to far more than HMIS data would",
                              expected=f"at most {RATIO} times its packed size")  # fmt: skip


def _folder(infos: list[zipfile.ZipInfo]) -> str:
    folders = [i.filename.rpartition("/")[0] for i in infos if _file_name(i.filename) == "Export"]
    if not folders:
        raise RecordError("CB-333", "there is no Export.csv in the zip", position=Position(file="Export.csv"))
    if len(folders) > 1:
        raise RecordError("CB-303", "the zip holds more than one Export.csv", expected="one export per zip")
    return folders[0]


def _file_name(path: str) -> str:
    """``folder/client.CSV`` -> ``Client``; '' when it is no file of the specification."""
    name = path.rpartition("/")[2].lower()
    return _BY_LOWER.get(name.removesuffix(".csv"), "") if name.endswith(".csv") else ""


def _litter(path: str) -> bool:
    """What desktop computers leave in zips."""
    return any(part == "__MACOSX" or part.startswith(".") for part in path.split("/"))


_BY_LOWER = {file.lower(): file for file in FY2026.files}  # the same in every year
