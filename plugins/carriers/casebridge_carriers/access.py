"""Who may read what we write into a shared folder: a file for one partner is nobody else's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Who = Literal["group", "group-writes", "everyone"]


@dataclass(frozen=True, slots=True)
class Access:
    """Rights of new files and folders. Unless ``exact``, the account's umask may take some of them away."""

    file: int
    folder: int
    exact: bool = True


ACCESS: dict[Who, Access] = {
    "group": Access(0o640, 0o750, exact=False),
    "group-writes": Access(0o660, 0o2770),  # what others put there is of our group, too
    "everyone": Access(0o644, 0o755),
}


def make_folder(path: Path, access: Access) -> None:
    """Make it; one that is there keeps its rights. Raises FileExistsError for a file of that name."""
    try:
        path.mkdir(access.folder)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    if access.exact:
        path.chmod(path.stat().st_mode | access.folder)


def write_named(path: Path, data: bytes, access: Access) -> None:
    """Write ``data`` under a temporary name, to the disk, then rename, so that no reader ever sees half of it; the
    name itself is not on the disk yet."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # of an earlier try, or a link that another put there
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, access.file), "wb") as file:
        if access.exact:
            os.fchmod(file.fileno(), access.file)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def to_disk(path: Path) -> None:
    """What was named in a folder is named there after a power cut, too."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
