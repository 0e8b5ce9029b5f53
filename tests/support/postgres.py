"""A real PostgreSQL for tests: from the system's own programs, without root, gone when the tests are.

The server is reached by a socket in a folder that only its own user may enter. A guard (a few lines of shell) stops it
and removes the folder as soon as whoever started it is gone, also after ``kill -9``.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from casebridge.store.database import Store

OLDEST = 15  # older ones get no more mends (14 ended in November 2026) and cannot sort by a language of their own
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin")
PATIENCE = 60  # seconds until a server that does not answer is given up
SMALL = "--wal-segsize=1"  # MiB; of the log's files, so that a limit of a file's size may be low
SHORT = 40
"""A socket's path has room for 107 bytes; so long may be the folder that the server's own lies in."""
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "jit=off")
"""For tests that cut no power, in databases that live for a second."""
SETTINGS = ("listen_addresses=", "shared_buffers=32MB", "max_wal_size=128MB", "max_connections=60")
SPELLING = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
"""Sorted as in most installations, not by bytes as SQLite does: what leans on the order of bytes shows here."""
FLUSHED = """
SELECT name, CASE at WHEN 0 THEN pg_size_bytes(current_setting('wal_segment_size')) ELSE at END
FROM pg_walfile_name_offset(pg_current_wal_flush_lsn()) AS flushed (name, at)
"""
"""Up to where the log is on the disk: file and bytes in it. At the very end of a file older servers (before 17) name
that file, and say 0."""
GUARD = """
folder=$1; shift
"$@" </dev/null >>"$folder/log" 2>&1 & server=$!
trap '' INT TERM HUP
read -r word || gone=yes
kill -"${word:-QUIT}" $server 2>/dev/null
wait $server
[ -z "$gone" ] || rm -rf -- "$folder"
"""


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL on this machine that is not too old; None if there is none."""
    on_path = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    folders = {*on_path, *(f for place in PLACES for f in Path("/").glob(place.lstrip("/")))}
    known = [(_version(f), f) for f in folders if (f / "postgres").is_file() and (f / "initdb").is_file()]
    newest = max(known, default=(0, None))
    return newest[1] if newest[0] >= OLDEST else None


def _version(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))  # postgres (PostgreSQL) 15.18


def _somebody() -> dict[str, Any]:
    """As whom the server runs: as ourselves, or, as it refuses root, as somebody without rights."""
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def limit_files(pid: int, longest: int | None) -> None:
    """A process of the server may write no file longer than so many bytes; None: as long as it likes. As if the disk
    ended there; it may be done without root, as the server's own user."""
    command = ["prlimit", f"--pid={pid}", f"--fsize={'unlimited' if longest is None else longest}:"]
    subprocess.run(command, check=True, capture_output=True, **_somebody())


class Cluster:
    """One server with its own folder; ``durable`` writes to the disk as a site's own would (three times slower)."""

    def __init__(self, programs: Path, *settings: str, durable: bool = False) -> None:
        self.programs = programs
        self.settings = (*SETTINGS, *(() if durable else QUICK), *settings)
        where = "/tmp" if durable else os.environ.get("PYTEST_DEBUG_TEMPROOT", "/tmp")  # in memory, see conftest.py
        self.folder = Path(tempfile.mkdtemp(prefix="casebridge-pg-", dir=where if len(where) < SHORT else "/tmp"))
        self._as = _somebody()
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        self._guard: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        try:
            more = [*SPELLING, *([] if durable else [SMALL])]
            self._run("initdb", "-D", self.data, "-U", "casebridge", "-A", "trust", "--no-sync", *more)
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def data(self) -> Path:
        """The folder of the server's files."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The server's process, for tests that stop or kill it."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = [part for one in (f"unix_socket_directories={self.folder}", *self.settings) for part in ("-c", one)]
        command = ["/bin/sh", "-c", GUARD, "guard", self.folder, self.programs / "postgres", "-D", self.data, *settings]
        self._guard = subprocess.Popen(
            command, stdin=subprocess.PIPE, cwd=self.folder, start_new_session=True, **self._as
        )
        until = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > until:
                raise TimeoutError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.02)

    def answers(self) -> bool:
        """Does the server take connections now?"""
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: str = "INT") -> None:
        """End the server in order (INT), or at once (QUIT: it mends itself when it starts again); its files stay."""
        if self._guard is not None:
            self._guard.communicate(f"{how}\n".encode())
            self._guard = None

    def kill(self) -> None:
        """End every process of the server with SIGKILL; its files stay as they are at this moment."""
        with psycopg.connect(self.conninfo("postgres")) as c:
            others = [pid for (pid,) in c.execute("SELECT pid FROM pg_stat_activity")]
        for pid in (self.pid, *others):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stop("KILL")

    def cut(self, chance: random.Random) -> Callable[[], None]:
        """A power cut to come, counted from now: gives what lets it happen.

        Of the data nothing has reached the disk since this moment, of the log all that the server brought there, and
        what is behind that in the log's files is rubbish. No checkpoint may come between.
        """
        self._tell("CHECKPOINT")
        kept = self.folder / "kept"
        shutil.copytree(self.data, kept, ignore=lambda *_: {"pg_wal", "postmaster.pid"}, copy_function=_copied)

        def happens() -> None:
            with psycopg.connect(self.conninfo("postgres")) as c:
                ((name, end),) = c.execute(FLUSHED).fetchall()
            self.kill()
            log = kept / "pg_wal"
            shutil.move(self.data / "pg_wal", log)
            for path in (path for path in log.iterdir() if path.is_file() and path.name >= name):
                whole, start = path.read_bytes(), end if path.name == name else 0
                path.write_bytes(whole[:start] + chance.randbytes(len(whole) - start))
            shutil.rmtree(self.data)
            kept.rename(self.data)
            for path in (self.data, *self.data.rglob("*")) if self._as else ():
                os.chown(path, self._as["user"], self._as["group"])
            self.start()

        return happens

    def remove(self) -> None:
        """End the server and remove its folder."""
        self.stop("QUIT")
        shutil.rmtree(self.folder)

    def conninfo(self, database: str) -> str:
        """Where a database is, as libpq wants to read it."""
        return f"host={self.folder} user=casebridge dbname={database}"

    def url(self, database: str) -> str:
        """Where a database is, as ``[store] url`` wants it."""
        return f"postgresql+psycopg://casebridge@/{database}?host={self.folder}"

    def empty(self) -> str:
        """The name of a new database without a table."""
        return self._create("template0")

    def fresh(self) -> str:
        """The name of a new database with today's schema."""
        return self._create(self._migrated)

    @cached_property
    def _migrated(self) -> str:
        """A database that was migrated once; a copy of it takes a sixtieth of a second."""
        name = self.empty()
        Store(self.url(name)).close()
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self._tell(f"DROP DATABASE {database} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name = f"test{next(self._names)}"
        self._tell(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")  # a third of the time
        return name

    def _tell(self, statement: str) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as c:
            c.execute(statement)

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self.programs / program, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, **self._as
        )
        assert done.returncode == 0, done.stderr


def _copied(source: str, to: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # the server made it for a moment
        shutil.copy2(source, to)


@contextlib.contextmanager
def running(programs: Path, *settings: str, durable: bool = False) -> Iterator[Cluster]:
    """A server for as long as the block lasts."""
    cluster = Cluster(programs, *settings, durable=durable)
    try:
        yield cluster
    finally:
        cluster.remove()
