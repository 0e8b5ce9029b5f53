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
from casebridge.core.errors import CaseBridgeError, Position, RecordError, SetupError, TryAgain
from casebridge_carriers.inbox import Found, Inbox, look
from casebridge_carriers.names import name_too_long, outgoing_names, too_long
from casebridge_carriers.streams import open_steady, zip_folder

SETTLED_IN = {"accepted": "done", "duplicate": "done", "held": "held"}


class FolderSettings(Settings):
    """Where the files are and when one is complete."""

    folder: str = Field(description="The folder; a relative path starts at the folder of casebridge.toml")
    pattern: str = Field("*", description="Which names are picked up, as in *.csv")
    quiet_seconds: float = Field(5.0, ge=0, description="How long a file must be unchanged before it is picked up")
    marker: str = Field("", description="If set, FILE is picked up only when FILE + this ending (.ready) is there too")
    pack_directories: bool = Field(False, description="Hand over a sub-folder of files as one zip")
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
        self.inbox = Inbox(
            self.root / "in", settings.pattern, settings.quiet_seconds, settings.marker, settings.pack_directories
        )

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """What is complete in ``in/``, oldest first, streaming; a file too large is reported after all others."""
        with self._disk():
            self._prepare()
            self.inbox.put_back()
            found = self.inbox.ready()
        fitting = [f for f in found if f.size <= self.settings.max_bytes and not too_long(f.name)]
        for one in fitting[: self.settings.max_files]:
            yield from self._payload(one)
        for one in found:
            if too_long(one.name):
                raise name_too_long()
            if one.size > self.settings.max_bytes:
                raise self._too_large(one)

    def _payload(self, found: Found) -> Iterator[Payload]:
        with self._disk():
            if look(found.path) != found:
                return  # it changed or went since the look
            stream = cast(BinaryIO, zip_folder(found.path) if found.is_folder else open_steady(found.path))
        with stream:
            name = f"{found.name}.zip" if found.is_folder else found.name
            media_type = "application/zip" if found.is_folder else "application/octet-stream"
            yield Payload(name, stream, media_type, token=found.token)

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
                write_named(self.root / "out" / name, file.data)
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
            path.mkdir(exist_ok=True)
            if path.is_symlink():
                raise SetupError("CB-370", f"{path} is a symbolic link; it must be a folder of its own")

    def _too_large(self, found: Found) -> RecordError:
        return RecordError(
            "CB-304", f"the file has {found.size} bytes and stays in in/", position=Position(file=found.name),
            field="max_bytes", expected=f"at most {self.settings.max_bytes} bytes",
        )  # fmt: skip

    @contextmanager
    def _disk(self, *, unsent: bool = False) -> Iterator[None]:
        try:
            yield
        except (PermissionError, FileExistsError, NotADirectoryError) as e:
            raise SetupError("CB-370", f"{self.root}: {e.strerror}") from e
        except OSError as e:
            full = e.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = "Free some space; it is tried again by itself." if full else ""
            raise TryAgain("CB-401", f"{self.root}: {e.strerror}", remedy=remedy, unsent=unsent) from e


PARTS = ("in", "out", "done", "held")


def write_named(path: Path, data: bytes) -> None:
    """Write ``data`` under a temporary name, to the disk, then rename, so that no reader ever sees half of it; the
    name itself is not on the disk yet."""
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
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


def _holds(path: Path, size: int) -> bool:
    found = look(path)
    return found is not None and found.size == size
