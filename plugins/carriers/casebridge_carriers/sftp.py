"""The link ``sftp``: files that come and go on a partner's SFTP server."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import IO, ClassVar, cast

import asyncssh
from asyncssh import SFTPClient
from pydantic import Field

from casebridge import Context, Dispatch, Outcome, OutFile, Payload, Probe, Receipt, Settings
from casebridge.core.errors import CaseBridgeError, Position, RecordError
from casebridge_carriers.names import numbered, outgoing_names, unfinished
from casebridge_carriers.ssh import SshConnection, SshSettings

_SETTLING = ".settling."
_PART = 1 << 20


class SftpSettings(SshSettings):
    """The server, and its folders for us."""

    in_dir: str = Field(description="Where the partner puts files for us")
    out_dir: str = Field(description="Where we put files for the partner")
    done_dir: str = Field(description="Where files go that we have taken")
    held_dir: str = Field("", description="Where files go that we could not take; done_dir if empty")
    pattern: str = Field("*", description="Which names are picked up, as in *.txt")
    quiet_seconds: float = Field(2.0, ge=0, description="How long a file must be unchanged between two looks")
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

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """What stayed the same between two looks, oldest first; a file too large is reported after all others."""
        found = self.connection.run(self._ready, self.settings.total_timeout + self.settings.quiet_seconds)
        fitting = [f for f in found if f.size <= self.settings.max_bytes]
        for one in fitting[: self.settings.max_files]:
            copy = self._fetch(one)
            if copy is not None:
                with copy:
                    yield Payload(one.name, copy, token=one.token)  # type: ignore[arg-type]
        for one in found:
            if one.size > self.settings.max_bytes:
                raise RecordError(
                    "CB-304", f"the file has {one.size} bytes and stays there", position=Position(file=one.name),
                    field="max_bytes", expected=f"at most {self.settings.max_bytes} bytes",
                )  # fmt: skip

    async def _ready(self, sftp: SFTPClient) -> list[_Remote]:
        await self._put_back(sftp)
        first = await self._look(sftp)
        if not first:
            return []
        await asyncio.sleep(self.settings.quiet_seconds)
        second = await self._look(sftp)
        return sorted(first & second, key=lambda f: (f.changed, f.name))

    async def _look(self, sftp: SFTPClient) -> set[_Remote]:
        found = set()
        for entry in await sftp.readdir(self.settings.in_dir):
            name, attrs = str(entry.filename), entry.attrs
            plain = attrs.type == asyncssh.FILEXFER_TYPE_REGULAR
            if plain and not unfinished(name) and fnmatch(name, self.settings.pattern):
                found.add(_Remote(name, attrs.size or 0, attrs.mtime or 0))
        return found

    def _fetch(self, remote: _Remote) -> IO[bytes] | None:
        """The file in a temporary one here, or None when it changed or went while it was read."""
        copy = tempfile.TemporaryFile()  # noqa: SIM115  closed by receive
        try:
            whole = self.connection.run(lambda sftp: self._download(sftp, remote, copy), self.settings.file_timeout)
        except CaseBridgeError:
            copy.close()
            raise
        if not whole:
            copy.close()
            return None
        copy.seek(0)
        return copy

    async def _download(self, sftp: SFTPClient, remote: _Remote, copy: IO[bytes]) -> bool:
        path = f"{self.settings.in_dir}/{remote.name}"
        try:
            async with sftp.open(path, "rb") as source:
                while part := cast(bytes, await asyncio.wait_for(source.read(_PART), self.settings.timeout)):
                    copy.write(part)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return False
        return copy.tell() == remote.size and await self._now(sftp, path, remote.name) == remote

    async def _now(self, sftp: SFTPClient, path: str, name: str) -> _Remote | None:
        try:
            attrs = await sftp.lstat(path)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
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
        await _rename_beside(sftp, aside, to if same else self.settings.in_dir, name)

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


async def _rename_beside(sftp: SFTPClient, path: str, folder: str, name: str) -> None:
    """Rename into ``folder``, never over another file (SFTP's own rename refuses that)."""
    number = 0
    while await sftp.lexists(f"{folder}/{numbered(name, number)}"):
        number += 1
    await sftp.rename(path, f"{folder}/{numbered(name, number)}")


async def _missing(sftp: SFTPClient, folders: list[str]) -> list[str]:
    return [folder for folder in folders if not await sftp.isdir(folder)]
