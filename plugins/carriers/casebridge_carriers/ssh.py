"""One SSH connection for a sync link: asyncssh on a thread and loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
from pydantic import Field, SecretStr

from casebridge import Context, Settings
from casebridge.core.errors import CaseBridgeError, SetupError, TryAgain

T = TypeVar("T")
_LEAVING = 5.0  # seconds for a connection to be gone
_KEY_WORDS = ("ssh-", "ecdsa-", "sk-")
_REFUSED = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect)


class SshSettings(Settings):
    """Whom to connect to, as whom, and the server's key, which is always checked."""

    host: str = Field(description="The partner's server")
    port: int = Field(22, gt=0, lt=65536, description="Its port")
    user: str = Field(description="Our account there")
    key_file: str = Field("", description="Our private key; a relative path starts at the folder of casebridge.toml")
    passphrase: SecretStr = Field(SecretStr(""), description="Of the private key, if it has one")
    password: SecretStr = Field(SecretStr(""), description="Only if the partner has no keys")
    known_hosts: str = Field(
        min_length=1,
        description="The server's public key (ssh-ed25519 AAAA…) as the partner gave it, or the path of a known_hosts "
        "file that has it",
    )
    timeout: float = Field(30.0, gt=0, le=300, description="Seconds to wait for a connection, or for a part of a file")
    total_timeout: float = Field(120.0, gt=0, le=3600, description="Seconds for a look around, or for moving a file")
    file_timeout: float = Field(3600.0, gt=0, le=86400, description="Seconds for one file, however slow it comes")


class SshConnection:
    """Connects at first use, and again after the connection was lost; ``close`` ends the thread.

    :meth:`run` raises TryAgain or SetupError, and what the work itself raises.
    """

    def __init__(self, settings: SshSettings, context: Context) -> None:
        self._settings, self._base = settings, Path(context.base_dir)
        self._where = f"the server {settings.host}:{settings.port}"
        self._lock, self._connecting = threading.Lock(), asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient | None = None

    def run(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], seconds: float | None = None) -> T:
        """What ``work`` gives within ``seconds`` (else ``total_timeout``), done on the connection's own loop."""
        try:
            future: Future[T] = self._submit(self._with_client(work, seconds or self._settings.total_timeout))
            return future.result()
        except CaseBridgeError:
            raise
        except (asyncssh.Error, OSError) as e:
            raise self._sorted(e) from None

    def close(self) -> None:
        """Let go of the connection and the thread; a later ``run`` starts them again."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._disconnect(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _submit(self, work: Any) -> Future[Any]:
        with self._lock:
            if self._loop is None:
                self._loop, self._connecting = asyncio.new_event_loop(), asyncio.Lock()
                self._thread = threading.Thread(target=self._loop.run_forever, name="sftp", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _with_client(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], seconds: float) -> T:
        async with self._connecting:
            client = await self._client()
        task = asyncio.ensure_future(work(client))
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
            if done:
                return task.result()
        finally:
            if not task.done():  # the connection goes first: what ends in an orderly way would wait for the server
                task.cancel()
                await self._disconnect()
        raise TimeoutError

    async def _client(self) -> asyncssh.SFTPClient:
        if self._connection is None or self._sftp is None or self._connection.is_closed():
            await self._disconnect()
            try:
                self._connection = await self._connect()
                starting = self._connection.start_sftp_client(path_errors="surrogateescape")
                self._sftp = await asyncio.wait_for(starting, self._settings.timeout)
            except (asyncssh.Error, OSError) as e:
                await self._disconnect()
                raise self._sorted(e, unsent=True) from None
        return self._sftp

    async def _connect(self) -> asyncssh.SSHClientConnection:
        try:
            return await asyncssh.connect(self._settings.host, **self._options())
        except ValueError as e:  # how asyncssh says that a key, its passphrase or a known_hosts line is wrong
            kind = type(e).__name__
            raise SetupError("CB-104", f"key_file, passphrase or known_hosts cannot be read ({kind})") from None

    async def _disconnect(self) -> None:
        connection, self._connection, self._sftp = self._connection, None, None
        if connection is not None:
            connection.abort()
            await asyncio.wait({asyncio.ensure_future(connection.wait_closed())}, timeout=_LEAVING)

    def _options(self) -> dict[str, Any]:
        """Nothing from the account's own ~/.ssh: what counts stands in casebridge.toml."""
        s = self._settings
        keys = [str(self._base / s.key_file)] if s.key_file else None
        return {
            "port": s.port, "username": s.user, "config": None, "agent_path": None,
            "client_keys": keys, "passphrase": s.passphrase.get_secret_value() or None,
            "password": s.password.get_secret_value() or None, "known_hosts": self._host_keys(),
            "connect_timeout": s.timeout, "login_timeout": s.timeout, "keepalive_interval": 15,
        }  # fmt: skip

    def _host_keys(self) -> Any:
        pinned = self._settings.known_hosts
        if pinned.startswith(_KEY_WORDS):
            return [asyncssh.import_public_key(pinned)], [], []
        path = self._base / pinned
        if not path.is_file():
            raise SetupError("CB-101", f"known_hosts is neither a public key nor a file: {path}")
        return str(path)

    def _sorted(self, error: Exception, *, unsent: bool = False) -> CaseBridgeError:
        """The server's own words are not repeated: they may name files."""
        kind = type(error).__name__
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return SetupError("CB-371", f"{self._where} shows another key than the pinned one")
        if isinstance(error, asyncssh.PermissionDenied):
            return SetupError("CB-106", f"{self._where} refused {self._settings.user}")
        if isinstance(error, FileNotFoundError):
            return SetupError("CB-104", "there is no key_file where the setting says")
        if isinstance(error, _REFUSED):
            return SetupError("CB-109", f"{self._where}: a folder is missing or may not be used ({kind})")
        return TryAgain("CB-401", f"{self._where} does not answer as it should ({kind})", unsent=unsent)
