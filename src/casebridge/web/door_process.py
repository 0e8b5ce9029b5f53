"""One more process behind the partners' doors. It answers partners as the first one does and leaves the lanes to that
one: which of them have work it says on its standard output, a name on each line.

``python -m casebridge.web.door_process CONFIG MARK PARTNERS_URL PUBLIC_URL CONSOLE_URL``: started by
``web/door_processes.py``; it ends when its standard input does, and so however the first one ends.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from casebridge import logs
from casebridge.app import open_bridge
from casebridge.config import mark_of
from casebridge.ending import LONGEST, told_to_end, wait_for
from casebridge.engine.afar import Afar
from casebridge.engine.readiness import trouble_of
from casebridge.web.http import server_of
from casebridge.web.partners import partners_app_of
from casebridge.web.sockets import listen

READY, ALIVE = "ready", "alive"
"""What is said first of all, once partners are answered, and from then on now and then."""
ATOMIC = 4096
"""Bytes that a pipe takes whole or not at all (Linux, pipe(7), PIPE_BUF)."""
OTHER = 3
"""How it ends when the configuration, or the program, is another than the first process has."""
log = logging.getLogger(__name__)


def main() -> None:
    """Answer until told to end."""
    config, mark, partners_url, public_url, console_url = sys.argv[1:]
    say = _to_first(os.dup(sys.stdout.fileno()))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what an adapter prints is no word to the first process
    if mark_of(Path(config)) != mark:
        log.error("%s or the program has changed since casebridge serve was started: start that again", config)
        sys.exit(OTHER)
    with told_to_end() as told:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
        _thread("end", lambda: _at_end_of(sys.stdin, told))
        bridge = open_bridge(Path(config), engine=lambda _: Afar(say))
        logs.start(bridge.config.log.level, walled=bridge.site.walled)
        bridge.pulse.role = "doors"
        bridge.site.partners_url, bridge.site.console_url = public_url, console_url
        def trouble() -> str:
            return trouble_of(bridge.site, bridge.lanes.trouble)

        at = urlsplit(partners_url)
        shared = listen("partners", at.hostname or "", at.port or 0, shared=True)
        app = partners_app_of(bridge, at.hostname or "", trouble)
        server = server_of(app, behind_proxy=True, alive=lambda: say([ALIVE]))
        clock = _thread("clock", bridge.lanes.run)
        answering = _thread("partners", lambda: _answer(lambda: server.run(sockets=[shared]), told))
        while not server.started and answering.is_alive():
            answering.join(0.01)
        if server.started:
            say([READY])
        told.wait()
        server.should_exit = True
        bridge.lanes.stop()
        _thread("end", lambda: _cut_off(LONGEST))
        until = time.monotonic() + LONGEST
        for thread in (answering, clock):
            wait_for(thread, until)
        bridge.close()


def _answer(run: Callable[[], None], told: threading.Event) -> None:
    """However it ends, this process does: a connection that nobody takes would wait for ever."""
    try:
        run()
    finally:
        told.set()


def _cut_off(seconds: float) -> None:
    """What waits for a disk or a lock that does not come keeps nobody from starting again."""
    time.sleep(seconds)
    os._exit(1)


def _to_first(descriptor: int) -> Callable[[Iterable[str]], None]:
    """Says lines to the first process. Who is gone or does not listen waits for nothing: its sweep finds the work."""
    os.set_blocking(descriptor, False)

    def say(lines: Iterable[str]) -> None:
        for line in lines:
            with suppress(BrokenPipeError, BlockingIOError):
                os.write(descriptor, f"{line}\n".encode()[-ATOMIC:])

    return say


def _at_end_of(line: TextIO, told: threading.Event) -> None:
    """However the first process ends, this one hears of it."""
    line.read()
    told.set()


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=f"casebridge-{name}", daemon=True)
    thread.start()
    return thread


if __name__ == "__main__":
    main()
