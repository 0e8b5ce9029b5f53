"""``casebridge`` as a process of its own, without the second that its imports take.

Each is forked from one process that has imported everything and read the shipped maps; from then on it is a process
like any other: with its own number, memory and locks, ended by signals, killed for real. That the installed program
itself starts is tested in test_command_line.py and test_packaging.py.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any

PIPE, QUIET, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
LARGEST = 200_000  # bytes of a request: arguments and environment
STARTER = "CASEBRIDGE_STARTER"  # the socket of the process that forks, in a process of as_command
NUMBER = struct.Struct("q")  # on a program's own pipe: its pid, then its exit code


class Program:
    """``casebridge ARGUMENTS`` at work: what tests need of a Popen. Texts are UTF-8; ``stderr`` may be a file."""

    def __init__(
        self, *arguments: object, cwd: Path | None = None, stdout: int | IO[str] = PIPE, stderr: int | IO[str] = PIPE,
        env: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.stdout, out = _end(stdout)
        self.stderr, err = (None, os.dup(out)) if stderr == STDOUT else _end(stderr)
        self._said, told = os.pipe()
        self.returncode: int | None = None
        self._asking = threading.Lock()
        weakref.finalize(self, os.close, self._said)
        said = [str(argument) for argument in arguments]
        asked = {"arguments": said, "cwd": str(cwd or Path.cwd()), "env": dict(env or os.environ)}
        socket.send_fds(_starter(), [json.dumps(asked).encode()], [out, err, told])
        for end in (out, err, told):
            os.close(end)
        (self.pid,) = NUMBER.unpack(os.read(self._said, NUMBER.size))

    def poll(self) -> int | None:
        """Its exit code, minus the signal that ended it; None while it runs."""
        with self._asking:  # two threads may wait for its end
            if self.returncode is None and select.select([self._said], [], [], 0)[0]:
                (self.returncode,) = NUMBER.unpack(os.read(self._said, NUMBER.size))
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, when it has ended."""
        if self.returncode is None and not select.select([self._said], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("casebridge", timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """If it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it said since, after it has ended."""
        said = {"out": "", "err": ""}
        pipes = (("out", self.stdout), ("err", self.stderr))
        reading = [threading.Thread(target=lambda n=name, f=pipe: said.update({n: f.read()}), daemon=True)
                   for name, pipe in pipes if pipe and not pipe.closed]  # fmt: skip
        for each in reading:
            each.start()
        self.wait(timeout)
        for each in reading:
            each.join(timeout)
        self._close()
        return said["out"], said["err"]

    def __enter__(self) -> Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: object, trace: TracebackType | None) -> None:
        self.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self.stdout, self.stderr):
            if pipe:
                pipe.close()


def ran(*arguments: object, cwd: Path | None = None, timeout: float = 60) -> tuple[int, str, str]:
    """Run it to its end: exit code, stdout, stderr."""
    with Program(*arguments, cwd=cwd) as program:
        try:
            out, err = program.communicate(timeout)
        finally:
            program.kill()
        return program.wait(), out, err


def _end(where: int | IO[str]) -> tuple[IO[str] | None, int]:
    """(our end of a pipe, the program's end of it)."""
    if where == PIPE:
        ours, its = os.pipe()
        return os.fdopen(ours, encoding="utf-8"), its
    if where == QUIET:
        return None, os.open(os.devnull, os.O_RDWR)
    return None, os.dup(where if isinstance(where, int) else where.fileno())


@cache
def _starter() -> socket.socket:
    """The process that forks; it ends, with all that it started, when this process is gone."""
    if handed_down := os.environ.get(STARTER):
        return socket.socket(fileno=int(handed_down))
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
    with its:
        starter = subprocess.Popen([sys.executable, __file__, str(its.fileno())], pass_fds=[its.fileno()], stdin=QUIET)

    def end() -> None:
        ours.close()
        starter.wait()

    atexit.register(end)
    return ours


def as_command(folder: Path) -> dict[str, Any]:
    """``casebridge`` becomes a command in this folder; what a subprocess that may use it must be given."""
    starter, command = _starter().fileno(), [sys.executable, "-IS", __file__, "run"]
    (folder / "casebridge").write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    (folder / "casebridge").chmod(0o755)
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"pass_fds": [starter], "env": {**os.environ, "PATH": path, STARTER: str(starter)}}


# --- in the process that forks ----------------------------------------------------------------------------------


def _prepare() -> None:
    """Everything that a start would read first."""
    for module in ("casebridge.cli", "casebridge.web.server", "fastapi", "procrastinate", "uvicorn"):
        import_module(module)
    import_module("maps_once").read("sdohcc", "web-form", "hmis-2026", "x12")
    assert threading.active_count() == 1, "a fork would lose the others"
    gc.freeze()


def _asked(control: socket.socket) -> dict[str, Any] | None:
    """Fork whenever somebody asks; in the new process: what it shall do. None when nobody is there to ask any more."""
    running: dict[int, int] = {}  # process: its pipe to whoever asked
    heard, told_of_ends = socket.socketpair()
    told_of_ends.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told_of_ends.fileno())
    while True:
        ready, _, _ = select.select([control, heard], [], [])
        if heard in ready:
            heard.recv(1000)
            _tell_of_ended(running)
        if control not in ready:
            continue
        text, ends, _, _ = socket.recv_fds(control, LARGEST, 3)
        if not text:
            break
        if (process := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(ends[0], 1)
            os.dup2(ends[1], 2)
            for other in (*ends, *running.values()):
                os.close(other)
            for open_socket in (control, heard, told_of_ends):
                open_socket.close()
            asked: dict[str, Any] = json.loads(text)
            return asked
        out, err, running[process] = ends
        os.close(out)
        os.close(err)
        os.write(running[process], NUMBER.pack(process))
    for process in running:
        os.kill(process, signal.SIGKILL)
    return None


def _tell_of_ended(running: dict[int, int]) -> None:
    for process in list(running):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            with contextlib.suppress(BrokenPipeError):  # nobody wants to know
                os.write(running[process], NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os.close(running.pop(process))


def _become(asked: dict[str, Any]) -> None:
    """Do what the installed program does."""
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    if os.environ.get("PYTHONUNBUFFERED"):
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    sys.argv = ["casebridge", *asked["arguments"]]
    import_module("casebridge.cli").main()


if __name__ == "__main__":
    if sys.argv[1] == "run":
        sys.exit(Program(*sys.argv[2:], stdout=1, stderr=2).wait())
    _prepare()
    if (wish := _asked(socket.socket(fileno=int(sys.argv[1])))) is not None:
        _become(wish)
