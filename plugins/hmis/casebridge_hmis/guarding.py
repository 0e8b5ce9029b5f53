"""Is a zip harmless? Asked of its list of files, before anything in it is read."""

from __future__ import annotations

import io
import zipfile
from typing import BinaryIO

from casebridge.core.errors import RecordError

ENTRIES = 500  # an export has 24 files; ten years of them are not one payload
DIRECTORY = ENTRIES * 1024  # bytes the zip's own list of files may take
RATIO = 400  # HMIS CSV compresses 5 to 30 times
SMALL = 1 << 20  # members up to this size may compress as they like

END, COMMENT, LOCATOR, LARGE = 22, 65_535, 20, 76  # bytes of the zip's records at its end; LARGE: with its locator
PATCHED = 0x20
LOCKED = 0x1 | 0x40 | 0x2000  # a password, strong encryption, a masked list of files (APPNOTE 4.4.4)


def guard_directory(stream: BinaryIO) -> None:
    """Before the list of files is read: it may itself be made to fill the memory."""
    if _directory_size(stream) > DIRECTORY:
        raise RecordError("CB-304", "the zip holds too many files", expected=f"at most {ENTRIES}")


def _directory_size(stream: BinaryIO) -> int:
    """As the record at the end says (APPNOTE 4.3.16), or before it the one for large zips, which counts (4.3.14)."""
    stream.seek(max(0, stream.seek(0, io.SEEK_END) - LARGE - END - COMMENT))
    tail = stream.read()
    plain = tail[-END:].startswith(b"PK\5\6") and tail.endswith(b"\0\0")
    at = len(tail) - END if plain else tail.rfind(b"PK\5\6")
    if at < 0:
        return 0  # it is no zip
    if tail[max(0, at - LOCATOR) : at].startswith(b"PK\6\7"):
        large = tail[max(0, at - LARGE) : at]
        if not large.startswith(b"PK\6\6"):
            raise RecordError("CB-303", "this is not a whole zip file", expected="one .zip of HMIS CSV files")
        return int.from_bytes(large[40:48], "little")
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def guard(infos: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """Refuses a zip that would escape its folder, fill the disk or ask for a password."""
    if len(infos) > ENTRIES:
        raise RecordError("CB-304", "the zip holds too many files", expected=f"at most {ENTRIES}")
    if sum(i.file_size for i in infos) > max_bytes:
        raise RecordError("CB-304", "the files in the zip are too large", expected=f"at most {max_bytes} bytes")
    for info in infos:
        parts = info.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0] or "\\" in info.orig_filename:
            raise RecordError("CB-303", "a file name in the zip leads out of its folder", expected="plain file names")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & PATCHED:
            raise RecordError("CB-303", "the zip is packed in a way we do not read", expected="an ordinary zip")
        if info.flag_bits & LOCKED:
            raise RecordError("CB-303", "the zip is protected by a password", expected="a zip without a password")
        if info.file_size > SMALL and info.file_size > RATIO * max(info.compress_size, 1):
            raise RecordError("CB-304", "a file in the zip unpacks to far more than HMIS data would",
                              expected=f"at most {RATIO} times its packed size")  # fmt: skip
