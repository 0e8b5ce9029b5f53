"""``casebridge COMMAND`` in a process of its own whose memory is measured: not forked, as other tests' programs are."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("casebridge")


class Measured:
    """One process of a site; at the end of the block it is killed if it still runs."""

    def __init__(self, folder: Path, command: str = "run") -> None:
        self.pid = os.posix_spawn(COMMAND, [COMMAND, command, "-c", folder / "casebridge.toml"], os.environ)
        self.code: int | None = None

    def ended(self, by: int | None = None) -> int:
        """Send it a signal, if one is given, and wait for its end: the most memory it ever held, in KiB."""
        if by is not None:
            os.kill(self.pid, by)
        _, status, usage = os.wait4(self.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss

    def __enter__(self) -> Measured:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.code is None:
            self.ended(signal.SIGKILL)
