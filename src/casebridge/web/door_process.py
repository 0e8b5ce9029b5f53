"""One more process behind the partners' doors. It answers partners as the first one does and leaves the lanes to that
one: which of them have work it says on its standard output, a name on each line.

``python -m casebridge.web.door_process CONFIG PARTNERS_URL PUBLIC_URL CONSOLE_URL``: started by
``web/door_processes.py``; it ends when its standard input does, and so however the first one ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from casebridge import logs
from casebridge.app import open_bridge
from casebridge.ending import LONGEST, told_to_end, wait_for
from casebridge.engine.afar import Afar
from casebridge.web.http import server_of
from casebridge.web.partners import partners_app_of
from casebridge.web.sockets import listen

READY = "ready"
"""What is said first of all, once partners are answered."""


def main() -> None:
    """Answer until told to end."""
    config, partners_url, public_url, console_url = sys.argv[1:]
    say = partial(_say, os.dup(sys.stdout.fileno()))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what an adapter prints is no word to the first process
    with told_to_end() as told:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
        _thread("end", lambda: _at_end_of(sys.stdin, told))
        bridge = open_bridge(Path(config), engine=lambda _: Afar(say))
        logs.start(bridge.config.log.level, walled=bridge.site.walled)
        bridge.pulse.role = "doors"
        bridge.site.partners_url, bridge.site.console_url = public_url, console_url
        at = urlsplit(partners_url)
        socket = listen("partners", at.hostname or "", at.port or 0, shared=True)
        server = server_of(partners_app_of(bridge, at.hostname or "", lambda: bridge.lanes.trouble), behind_proxy=True)
        clock = _thread("clock", bridge.lanes.run)
        answering = _thread("partners", lambda: server.run(sockets=[socket]))
        while not server.started and answering.is_alive():
            answering.join(0.01)
        say([READY])
        told.wait()
        server.should_exit = True
        bridge.lanes.stop()
        until = time.monotonic() + LONGEST
        for thread in (answering, clock):
            wait_for(thread, until)
        bridge.close()


def _say(descriptor: int, lines: Iterable[str]) -> None:
    """In one piece: lanes are woken by several threads. Nobody hears it when the first process is gone, as this one
    soon is."""
    text = "".join(f"{line}\n" for line in lines)
    with suppress(BrokenPipeError):
        os.write(descriptor, text.encode())


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
