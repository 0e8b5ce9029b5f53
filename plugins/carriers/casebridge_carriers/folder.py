"""The link ``folder``: files that come and go through a shared folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

from pydantic import Field

from casebridge import Context, Dispatch, Outcome, Payload, Probe, Receipt, Settings
from casebridge.core.errors import CaseBridgeError, SetupError, TryAgain
from casebridge_carriers.access import ACCESS, Who, make_folder, to_disk, write_named
from casebridge_carriers.inbox import Found, Inbox, look
from casebridge_carriers.late import went_on
from casebridge_carriers.names import (
    left_alone,
    name_too_long,
    outgoing_names,
    shown,
    too_large,
    too_long,
    unreadable,
)
from casebridge_carriers.streams import open_steady, zip_folder

SETTLED_IN = {"accepted": "done", "duplicate": "done", "held": "held"}


class FolderSettings(Settings):
    """Where the files are and when one is complete."""

    folder: str = Field(description="The folder; a relative path starts at the folder of casebridge.toml")
    pattern: str = Field("*", description="Which names are picked up, as in *.csv")
    quiet_seconds: float = Field(5.0, ge=0, description="How long a file must be unchanged before it is picked up")
    marker: str = Field("", description="If set, FILE is picked up only when FILE + this ending (.ready) is there too")
    pack_directories: bool = Field(False, description="Hand over a sub-folder of files as one zip")
    access: Who = Field("group", description="Who else may read it: group, group-writes (and write), everyone")
    max_bytes: int = Field(2 * 1024**3, gt=0, description="Larger files stay in in/ and are reported")
    max_files: int = Field(1000, gt=0, description="At most so many files at one look")


class FolderLink:
    """Picks up from ``in/``, puts what was taken into ``done/`` or ``held/``, and writes to ``out/``."""

    name: ClassVar[str] = "folder"
    window: ClassVar[int] = 200
    Settings: ClassVar[type[Settings]] = FolderSettings

    def __init__(self, settings: FolderSettings, context: Context) -> None:
        self.settings = settings
        self.root = Path(context.base_dir, settings.folder)
        self.remark = ""
        self.inbox = Inbox(
            self.root / "in", settings.pattern, settings.quiet_seconds, settings.marker, settings.pack_directories
        )

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """What is complete in ``in/``, oldest first, streaming; what cannot be taken is reported after all others."""
        with self._disk():
            self._prepare()
            self.inbox.put_back()
            odd: list[CaseBridgeError] = [went_on(shown(name)) for name in self.inbox.went_on()]
            found = self.inbox.ready()
            self.remark = left_alone(self.inbox.others(), self.settings.pattern)
        odd += [error for one in found if (error := self._unfit(one))]
        for one in [f for f in found if not self._unfit(f)][: self.settings.max_files]:
            try:
                yield from self._payload(one)
            except CaseBridgeError as error:
                odd.append(error)
        if odd:
            raise odd[0]

    def _unfit(self, found: Found) -> CaseBridgeError | None:
        if too_long(found.name):
            return name_too_long(found.name)
        if found.size > self.settings.max_bytes:
            return too_large(found.name, found.size, self.settings.max_bytes)
        return unreadable("CB-370", found.name) if found.locked else None

    def _payload(self, found: Found) -> Iterator[Payload]:
        stream = self._opened(found)
        if stream is None:
            return
        with stream:
            name = f"{found.name}.zip" if found.is_folder else found.name
            media_type = "application/zip" if found.is_folder else "application/octet-stream"
            yield Payload(shown(name), stream, media_type, token=found.token)

    def _opened(self, found: Found) -> BinaryIO | None:
        """None when it changed or went since the look."""
        with self._disk():
            if look(found.path) != found:
                return None
            try:
                return cast(BinaryIO, zip_folder(found.path) if found.is_folder else open_steady(found.path))
            except PermissionError as e:
                raise unreadable("CB-370", found.name) from e

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        """Move exactly what was read to ``done/`` or ``held/``; nothing happens when it has already gone."""
        with self._disk():
            self._prepare()
            self.inbox.move(payload.token, self.root / SETTLED_IN[outcome.state])

    def send(self, dispatch: Dispatch, key: str) -> Receipt:
        """Write each file into ``out/``: whole or not at all, and the same name again for the same dispatch."""
        with self._disk(unsent=True):
            self._prepare()
        receipt = self._write(dispatch)
        with self._disk():
            to_disk(self.root / "out")
        return receipt

    def send_all(self, sendings: Sequence[tuple[Dispatch, str]]) -> list[Receipt | CaseBridgeError]:
        """All of them; the folder goes to the disk once, before any of them counts as sent."""
        answers: list[Receipt | CaseBridgeError] = []
        with self._disk(unsent=True):
            self._prepare()
        for dispatch, _ in sendings:
            try:
                answers.append(self._write(dispatch))
            except CaseBridgeError as error:
                answers.append(error)
        with self._disk():
            to_disk(self.root / "out")
        return answers

    def _write(self, dispatch: Dispatch) -> Receipt:
        names = outgoing_names(dispatch)
        for number, (name, file) in enumerate(names):
            with self._disk(unsent=number == 0):
                write_named(self.root / "out" / name, file.data, ACCESS[self.settings.access])
        return Receipt(reference=", ".join(name for name, _ in names))

    def find(self, dispatch: Dispatch, key: str) -> Receipt | None:
        """The dispatch, if all its files are in ``out/``."""
        names = outgoing_names(dispatch)
        with self._disk():
            here = all(_holds(self.root / "out" / name, len(file.data)) for name, file in names)
        return Receipt(reference=", ".join(name for name, _ in names)) if here and names else None

    def probe(self) -> Probe:
        """Whether the folder is there and may be read and written."""
        try:
            with self._disk():
                self._prepare()
                usable = all(os.access(self.root / part, os.R_OK | os.W_OK | os.X_OK) for part in PARTS)
        except CaseBridgeError as e:
            return Probe(False, e.message)
        said = "can be read and written" if usable else "may not be read and written by this account"
        return Probe(usable, f"{self.root} {said}")

    def close(self) -> None:
        """Nothing is kept open."""

    def _prepare(self) -> None:
        # the folder itself is never made: an unmounted network drive must not look like an empty one
        if not self.root.is_dir():
            raise SetupError("CB-370", f"the folder {self.root} does not exist")
        for part in PARTS:
            path = self.root / part
            make_folder(path, ACCESS[self.settings.access])
            if path.is_symlink():
                raise SetupError("CB-370", f"{path} is a symbolic link; it must be a folder of its own")

    @contextmanager
    def _disk(self, *, unsent: bool = False) -> Iterator[None]:
        try:
            yield
        except (PermissionError, FileExistsError, NotADirectoryError) as e:
            raise SetupError("CB-370", f"{self.root}: {e.strerror}") from e
        except OSError as e:
            if e.errno == errno.EXDEV:
                raise SetupError("CB-370", f"{self.root}: in/, done/ and held/ must be on one drive") from e
            full = e.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = "Free some space; it is tried again by itself." if full else ""
            raise TryAgain("CB-401", f"{self.root}: {e.strerror}", remedy=remedy, unsent=unsent) from e


PARTS = ("in", "out", "done", "held")


def _holds(path: Path, size: int) -> bool:
    found = look(path)
    return found is not None and found.size == size
