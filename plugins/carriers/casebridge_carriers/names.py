"""Names of files that come and go between two organizations."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from casebridge import Dispatch, OutFile
from casebridge.core.errors import Position, RecordError, SetupError

MOST_BYTES = 200
UNFINISHED = (".tmp", ".part", ".filepart")
"""Endings that file transfer programs give a file they are still writing (WinSCP: .filepart)."""

_PLAIN_NAME = re.compile(r"[^./\\\x00-\x1f\x7f:][^/\\\x00-\x1f\x7f:]{0,149}")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,40}/[A-Za-z0-9-]{1,64}")
"""What a format for a server calls a file (Task/abc); a folder keeps it as Task-abc.json."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def unfinished(name: str) -> bool:
    """Whether a name says that the file is hidden or still being written."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def wanted(name: str, pattern: str) -> bool:
    """Whether the pattern picks the name up, in capitals or not."""
    return fnmatchcase(name.lower(), pattern.lower())


def left_alone(count: int, pattern: str) -> str:
    """For people: how many files lie there that nobody picks up."""
    files = "1 file there does" if count == 1 else f"{count} files there do"
    return f"{files} not fit the pattern {pattern} and will not be picked up" if count else ""


def shown(name: str) -> str:
    r"""A name for people and for the books; bytes that are no UTF-8 are written out (caf\xe9.csv)."""
    return os.fsencode(name).decode(errors="backslashreplace")


def too_long(name: str) -> bool:
    """Whether there is no room left for what we put before or after it while it is moved (255 bytes on most disks)."""
    return len(os.fsencode(name)) > MOST_BYTES


def name_too_long(name: str) -> RecordError:
    """It stays where it is: nothing of it was read."""
    return RecordError(
        "CB-301", "the name of the file is too long", position=Position(file=f"{shown(name)[:60]}…"),
        expected=f"at most {MOST_BYTES} bytes", remedy="Give the file a shorter name; it was not read.",
    )  # fmt: skip


def too_large(name: str, size: int, limit: int) -> RecordError:
    """It stays where it is: nothing of it was read."""
    return RecordError(
        "CB-304", f"the file has {size} bytes and stays there", position=Position(file=shown(name)),
        field="max_bytes", expected=f"at most {limit} bytes",
    )  # fmt: skip


def unreadable(code: str, name: str) -> SetupError:
    """It stays where it is; the others go on."""
    return SetupError(
        code, f"{shown(name)}: the file may not be read by this account; it stays there",
        remedy="Let whoever put it there give the account that runs casebridge the right to read it.",
    )  # fmt: skip


def numbered(name: str, number: int) -> str:
    """``834.txt``, ``834.1.txt``, ``834.2.txt``: the same name, made unique.

    >>> numbered("834.txt", 2)
    '834.2.txt'
    """
    return _marked(name, str(number)) if number else name


def _marked(name: str, mark: str) -> str:
    path = PurePosixPath(name)
    return f"{path.stem}.{mark}{path.suffix}"


def outgoing_names(dispatch: Dispatch) -> list[tuple[str, OutFile]]:
    """Each file of a dispatch with the name it gets at the partner: its own, made unique by the dispatch's id.

    Raises RecordError CB-301 when a name has path parts, starts with a dot, or comes twice.
    """
    if not _PLAIN_ID.fullmatch(dispatch.id):
        raise _refused("the dispatch's id", "letters, digits, - and _", dispatch.id)
    named: dict[str, OutFile] = {}
    for file in dispatch.files:
        name = _outgoing_name(file.name, dispatch.id)
        if name in named:
            raise _refused("two files of one dispatch", "a name of its own for each file", file.name)
        named[name] = file
    return list(named.items())


def _outgoing_name(name: str, dispatch_id: str) -> str:
    if _REFERENCE.fullmatch(name):
        name = f"{name.replace('/', '-')}.json"
    if not _PLAIN_NAME.fullmatch(name) or unfinished(name):
        raise _refused("the name of an outgoing file", "a plain file name without folders", name)
    return name if dispatch_id in name else _marked(name, dispatch_id)


def _refused(what: str, expected: str, found: str) -> RecordError:
    return RecordError(
        "CB-301", f"{what} cannot be used", position=Position(file="out"), expected=expected, found=found,
        remedy="Correct the name that the format gives to its files; nothing was written.",
    )  # fmt: skip
