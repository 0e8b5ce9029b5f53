"""The link ``sftp``: files that come and go on a partner's SFTP server."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, ClassVar, cast

import asyncssh
from asyncssh import SFTPClient
from pydantic import Field

from casebridge import Context, Dispatch, Outcome, OutFile, Payload, Probe, Receipt, Settings
from casebridge.core.errors import CaseBridgeError, SetupError
from casebridge_carriers.late import Late, Moved, went_on
from casebridge_carriers.names import (
    left_alone,
    name_too_long,
    numbered,
    outgoing_names,
    shown,
    too_large,
    too_long,
    unfinished,
    unreadable,
    wanted,
)
from casebridge_carriers.ssh import SshConnection, SshSettings

_SETTLING = ".settling."
_PART = 1 << 20
_GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_OF_ONE_FILE = (*_GONE, asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure)


class SftpSettings(SshSettings):
    """The server, and its folders for us."""

    in_dir: str = Field(description="Where the partner puts files for us")
    out_dir: str = Field(description="Where we put files for the partner")
    done_dir: str = Field(description="Where files go that we have taken")
    held_dir: str = Field("", description="Where files go that we could not take; done_dir if empty")
    pattern: str = Field("*", description="Which names are picked up, as in *.txt")
    quiet_seconds: float = Field(30.0, ge=0, description="How long a file must be unchanged between two looks")
    max_bytes: int = Field(2 * 1024**3, gt=0, description="Larger files stay and are reported")
    max_files: int = Field(1000, gt=0, description="At most so many files at one look")


@dataclass(frozen=True, slots=True)
class _Remote:
    """A file there; SFTP tells size and whole seconds of change, no more."""

    name: str
    size: int
    changed: int

    @property
    def token(self) -> str:
        return f"{self.name}:{self.size}-{self.changed}"


class SftpLink:
    """Picks up from ``in_dir``, moves to ``done_dir`` or ``held_dir``, and writes to ``out_dir``."""

    name: ClassVar[str] = "sftp"
    Settings: ClassVar[type[Settings]] = SftpSettings

    def __init__(self, settings: SftpSettings, context: Context) -> None:
        self.settings = settings
        self.connection = SshConnection(settings, context)
        self.remark = ""
        self._late, self._quiet = Late(), frozenset[_Remote]()

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """What stayed the same between two looks, oldest first; what cannot be taken is reported after all others."""
        late = self.connection.run(self._went_on)
        found = self.connection.run(self._ready, self.settings.total_timeout + self.settings.quiet_seconds)
        odd: list[CaseBridgeError] = [went_on(shown(name)) for name in late]
        odd += [error for one in found if (error := self._unfit(one))]
        for one in [f for f in found if not self._unfit(f)][: self.settings.max_files]:
            copy = self._fetch(one)
            if isinstance(copy, SetupError):
                odd.append(copy)
            elif copy is not None:
                with copy:
                    yield Payload(shown(one.name), copy, token=one.token)  # type: ignore[arg-type]
        if odd:
            raise odd[0]

    def _unfit(self, found: _Remote) -> CaseBridgeError | None:
        if too_long(found.name):
            return name_too_long(found.name)
        too_much = found.size > self.settings.max_bytes
        return too_large(found.name, found.size, self.settings.max_bytes) if too_much else None

    async def _ready(self, sftp: SFTPClient) -> list[_Remote]:
        """What was quiet at an earlier look and is as it was is quiet still, and nothing is waited for."""
        await self._put_back(sftp)
        found = await self._look(sftp)
        if not found <= self._quiet:
            await asyncio.sleep(self.settings.quiet_seconds)
            found &= await self._look(sftp)
        self._quiet = frozenset(found)
        return sorted(found, key=lambda f: (f.changed, f.name))

    async def _look(self, sftp: SFTPClient) -> set[_Remote]:
        entries = [e for e in await sftp.readdir(self.settings.in_dir) if not unfinished(str(e.filename))]
        found = [file for entry in entries if (file := await self._file(sftp, entry))]
        fitting = {file for file in found if wanted(file.name, self.settings.pattern)}
        self.remark = left_alone(len(found) - len(fitting), self.settings.pattern)
        return fitting

    async def _file(self, sftp: SFTPClient, entry: asyncssh.SFTPName) -> _Remote | None:
        """None for what is no file. Some servers name no type in a list, and some not even when they are asked: then
        the long name (-rw-r--r--) shows it."""
        name, attrs = str(entry.filename), entry.attrs
        if attrs.type == asyncssh.FILEXFER_TYPE_UNKNOWN:
            with suppress(*_OF_ONE_FILE):
                attrs = await sftp.lstat(f"{self.settings.in_dir}/{name}")
        named = attrs.type == asyncssh.FILEXFER_TYPE_UNKNOWN and str(entry.longname).startswith("-")
        plain = named or attrs.type == asyncssh.FILEXFER_TYPE_REGULAR
        return _Remote(name, attrs.size or 0, attrs.mtime or 0) if plain else None

    def _fetch(self, remote: _Remote) -> IO[bytes] | SetupError | None:
        """The file in a temporary one here, or None when it changed or went while it was read; an error when the
        server does not let us read this very file."""
        copy = tempfile.TemporaryFile()  # noqa: SIM115  closed by receive
        try:
            whole = self.connection.run(lambda sftp: self._download(sftp, remote, copy), self.settings.file_timeout)
        except CaseBridgeError:
            copy.close()
            raise
        if whole is not True:
            copy.close()
            return whole or None
        copy.seek(0)
        return copy

    async def _download(self, sftp: SFTPClient, remote: _Remote, copy: IO[bytes]) -> bool | SetupError:
        path = f"{self.settings.in_dir}/{remote.name}"
        try:
            async with sftp.open(path, "rb") as source:
                while part := cast(bytes, await asyncio.wait_for(source.read(_PART), self.settings.timeout)):
                    copy.write(part)
        except _GONE:
            return False
        except _OF_ONE_FILE:
            return unreadable("CB-109", remote.name)
        return copy.tell() == remote.size and await self._now(sftp, path, remote.name) == remote

    async def _now(self, sftp: SFTPClient, path: str, name: str) -> _Remote | None:
        try:
            attrs = await sftp.lstat(path)
        except _GONE:
            return None
        return _Remote(name, attrs.size or 0, attrs.mtime or 0)

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        """Move exactly what was read; nothing happens when it has already gone."""
        held = outcome.state == "held" and self.settings.held_dir
        to = self.settings.held_dir if held else self.settings.done_dir
        self.connection.run(lambda sftp: self._move(sftp, payload.token, to))

    async def _move(self, sftp: SFTPClient, token: str, to: str) -> None:
        """First aside under a hidden name, then looked at again: a new file of that name is put back, not moved."""
        await self._put_back(sftp)
        name = token.rpartition(":")[0]
        path, aside = f"{self.settings.in_dir}/{name}", f"{self.settings.in_dir}/{_SETTLING}{name}"
        now = await self._now(sftp, path, name)
        if now is None or now.token != token:
            return
        await sftp.rename(path, aside)
        moved = await self._now(sftp, aside, name)
        same = moved is not None and moved.token == token
        target = await _rename_beside(sftp, aside, to if same else self.settings.in_dir, name)
        if same:
            self._late.add(Moved(name, target, now.size, now.changed))

    async def _went_on(self, sftp: SFTPClient) -> list[str]:
        """What was written after it was moved is put back; the names."""
        names = []
        for moved in self._late.watched():
            with suppress(*_OF_ONE_FILE):
                now = await self._now(sftp, moved.path, moved.name)
                if now and moved.went_on(now.size, now.changed):
                    await _rename_beside(sftp, moved.path, self.settings.in_dir, moved.name)
                    self._late.drop(moved)
                    names.append(moved.name)
        return names

    async def _put_back(self, sftp: SFTPClient) -> None:
        for entry in await sftp.readdir(self.settings.in_dir):
            name = str(entry.filename)
            if name.startswith(_SETTLING):
                here = self.settings.in_dir
                await _rename_beside(sftp, f"{here}/{name}", here, name.removeprefix(_SETTLING))

    def send(self, dispatch: Dispatch, key: str) -> Receipt:
        """Write each file into ``out_dir``: whole or not at all, and the same name again for the same dispatch."""
        names = outgoing_names(dispatch)
        seconds = self.settings.file_timeout * max(1, len(names))
        self.connection.run(lambda sftp: self._upload_all(sftp, names), seconds)
        return Receipt(reference=", ".join(name for name, _ in names))

    async def _upload_all(self, sftp: SFTPClient, names: list[tuple[str, OutFile]]) -> None:
        for name, file in names:
            await self._upload(sftp, name, file.data)

    async def _upload(self, sftp: SFTPClient, name: str, data: bytes) -> None:
        temporary, final = f"{self.settings.out_dir}/.{name}.tmp", f"{self.settings.out_dir}/{name}"
        async with sftp.open(temporary, "wb") as target:
            for start in range(0, len(data), _PART):
                await asyncio.wait_for(target.write(data[start : start + _PART]), self.settings.timeout)
            with suppress(asyncssh.SFTPOpUnsupported):
                await target.fsync()
        try:
            await sftp.posix_rename(temporary, final)
        except asyncssh.SFTPOpUnsupported:  # not OpenSSH: its rename refuses to replace our own earlier try
            if await sftp.exists(final):
                await sftp.remove(final)
            await sftp.rename(temporary, final)

    def find(self, dispatch: Dispatch, key: str) -> Receipt | None:
        """The dispatch, if all its files are in ``out_dir``."""
        names = outgoing_names(dispatch)
        sizes = {name: len(file.data) for name, file in names}
        here = bool(sizes) and self.connection.run(lambda sftp: self._holds(sftp, sizes))
        return Receipt(reference=", ".join(sizes)) if here else None

    async def _holds(self, sftp: SFTPClient, sizes: dict[str, int]) -> bool:
        there = {str(e.filename): e.attrs.size for e in await sftp.readdir(self.settings.out_dir)}
        return all(there.get(name) == size for name, size in sizes.items())

    def probe(self) -> Probe:
        """Whether the server takes us and the folders are there."""
        s = self.settings
        folders = [folder for folder in (s.in_dir, s.out_dir, s.done_dir, s.held_dir) if folder]
        try:
            missing = self.connection.run(lambda sftp: _missing(sftp, folders))
        except CaseBridgeError as e:
            return Probe(False, e.message)
        said = "has no folder " + ", ".join(missing) if missing else "takes us, and its folders are there"
        return Probe(not missing, f"the server {s.host}:{s.port} {said}")

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()


async def _rename_beside(sftp: SFTPClient, path: str, folder: str, name: str) -> str:
    """Rename into ``folder``, never over another file (SFTP's own rename refuses that); where it is then."""
    number = 0
    while await sftp.lexists(f"{folder}/{numbered(name, number)}"):
        number += 1
    target = f"{folder}/{numbered(name, number)}"
    await sftp.rename(path, target)
    return target


async def _missing(sftp: SFTPClient, folders: list[str]) -> list[str]:
    return [folder for folder in folders if not await sftp.isdir(folder)]
