"""The folder a partner puts files in: what is ready, and moving exactly what was read."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from casebridge_carriers.late import Late, Moved
from casebridge_carriers.names import UNFINISHED, numbered, unfinished, wanted

_SETTLING = ".settling."


@dataclass(frozen=True, slots=True)
class Found:
    """Something in the folder. ``stamp`` changes whenever its content may have; ``changed`` is in Unix seconds."""

    name: str
    path: Path
    stamp: str
    size: int
    changed: float
    is_folder: bool = False
    locked: bool = False  # a folder we may not look into

    @property
    def token(self) -> str:
        """What ``settle`` needs to move this very file and no later one of the same name."""
        return f"{self.name}:{self.stamp}"


@dataclass(frozen=True, slots=True)
class Inbox:
    """``folder`` is looked at, never below it except for folders handed over whole; links are never followed."""

    folder: Path
    pattern: str = "*"
    quiet_seconds: float = 5.0
    marker: str = ""
    folders: bool = False
    late: Late = field(default_factory=Late)

    def ready(self) -> list[Found]:
        """What is complete, by time of change, then by name."""
        found = (look(self.folder / name) for name in self._names() if wanted(name, self.pattern))
        return sorted((f for f in found if f and self._complete(f)), key=lambda f: (f.changed, f.name))

    def others(self) -> int:
        """How many finished files have a name that is not picked up."""
        return sum((self.folder / name).is_file() for name in self._names() if not wanted(name, self.pattern))

    def _names(self) -> Iterator[str]:
        for name in os.listdir(self.folder):
            if not unfinished(name) and not self._is_marker(name):
                yield name

    def _is_marker(self, name: str) -> bool:
        return bool(self.marker) and name.endswith(self.marker)

    def _complete(self, found: Found) -> bool:
        if found.is_folder and not (self.folders and (found.locked or _holds_whole_files(found.path))):
            return False
        if self.marker and not (self.folder / (found.name + self.marker)).exists():
            return False
        # abs(): where the clock of a network drive runs ahead, a file is late rather than never picked up
        return abs(time.time() - found.changed) >= self.quiet_seconds

    def move(self, token: str, to: Path) -> Path | None:
        """Move what ``token`` names to the folder ``to``, never over another file; None when it is gone.

        It is first set aside under a hidden name and looked at again, so that a new file that took the name a
        moment ago is put back and not moved unread.
        """
        self.put_back()
        name, _, stamp = token.rpartition(":")
        found = look(self.folder / name)
        if found is None or found.stamp != stamp:
            return None
        aside = self.folder / f"{_SETTLING}{name}"
        try:
            os.rename(found.path, aside)
        except FileNotFoundError:
            return None
        now = look(aside)
        if now is None or now.stamp != stamp:
            move_beside(aside, self.folder, name)
            return None
        self._drop_marker(found)
        target = move_beside(aside, to, name)
        if not self.marker and (there := look(target)):  # a marker says that it was whole
            stamp = there.stamp if now.is_folder else ""
            self.late.add(Moved(name, str(target), now.size, now.changed, stamp))
        return target

    def went_on(self) -> list[str]:
        """What was written after it was moved is put back; the names."""
        names = []
        for moved in self.late.watched():
            with suppress(OSError):
                now = look(Path(moved.path))
                if now and moved.went_on(now.size, now.changed, now.stamp if moved.stamp else ""):
                    move_beside(now.path, self.folder, moved.name)
                    self.late.drop(moved)
                    names.append(moved.name)
        return names

    def _drop_marker(self, found: Found) -> None:
        marker = self.folder / (found.name + self.marker)
        if self.marker and not found.path.exists():
            marker.unlink(missing_ok=True)

    def put_back(self) -> None:
        """After a crash in the middle of ``move``: what was set aside is offered again."""
        for name in os.listdir(self.folder):
            if name.startswith(_SETTLING):
                move_beside(self.folder / name, self.folder, name.removeprefix(_SETTLING))


def look(path: Path) -> Found | None:
    """What stands at ``path`` now; None for a link, a pipe, or nothing."""
    try:
        if path.is_symlink():
            return None
        if path.is_dir():
            return _look_inside(path)
        status = path.lstat()
    except FileNotFoundError:
        return None
    return Found(path.name, path, _stamp(status), status.st_size, status.st_mtime) if path.is_file() else None


def _look_inside(path: Path) -> Found:
    try:
        files = {p.name: p.lstat() for p in sorted(path.iterdir()) if p.is_file() and not p.is_symlink()}
    except PermissionError:
        status = path.lstat()
        return Found(path.name, path, _stamp(status), 0, status.st_mtime, is_folder=True, locked=True)
    stamp = "+".join(f"{name}={_stamp(status)}" for name, status in files.items() if not unfinished(name))
    newest = max([path.lstat().st_mtime, *(status.st_mtime for status in files.values())])
    return Found(path.name, path, _digest(stamp), sum(s.st_size for s in files.values()), newest, is_folder=True)


def _holds_whole_files(folder: Path) -> bool:
    """Not empty, and no file in it has the ending of one still being written."""
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return not any(n.lower().endswith(UNFINISHED) for n in names) and not all(map(unfinished, names))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_size}-{status.st_mtime_ns}"


def move_beside(path: Path, folder: Path, name: str) -> Path:
    """Move ``path`` into ``folder`` as ``name``, or as ``name.1`` and so on where that is taken."""
    number = 0
    while True:
        target = folder / numbered(name, number)
        try:
            _move_to_new(path, target)
        except FileExistsError:
            number += 1
            continue
        return target


def _move_to_new(path: Path, target: Path) -> None:
    """Rename without ever replacing anything; raises FileExistsError."""
    if path.is_dir():
        target.mkdir()
        _rename_over(path, target, target.rmdir)
        return
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:  # a drive without hard links: reserve the name, then rename over it
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _rename_over(path, target, target.unlink)
        return
    os.unlink(path)


def _rename_over(path: Path, reserved: Path, give_up: Callable[[], None]) -> None:
    """Rename over the empty thing made just now, which goes when that fails."""
    try:
        os.rename(path, reserved)
    except OSError:
        with suppress(OSError):
            give_up()
        raise
