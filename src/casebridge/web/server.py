"""The process: two listeners on two ports, and the lanes behind them."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from casebridge.app import Bridge
from casebridge.core.errors import SetupError
from casebridge.ending import LONGEST, told_to_end, wait_for
from casebridge.web.console import console_app
from casebridge.web.door_processes import DoorProcesses
from casebridge.web.http import server_of
from casebridge.web.partners import partners_app_of
from casebridge.web.sockets import address_of, listen, listen_as_first, url_of

log = logging.getLogger(__name__)


class Listeners:
    """Starts, stops and knows the addresses. ``start`` raises SetupError CB-101, CB-107 or CB-108."""

    def __init__(self, bridge: Bridge, partners: str = "", console: str = "") -> None:
        web = bridge.config.web
        self.bridge = bridge
        self._asked = {"partners": partners or web.partners, "console": console or web.console}
        self._sockets: dict[str, socket.socket] = {}
        self._servers: list[uvicorn.Server] = []
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._beside: DoorProcesses | None = None
        self._stopped = ""

    @property
    def trouble(self) -> str:
        """Why the lanes do not work, in words; empty while they do."""
        return self._stopped or self.bridge.lanes.trouble

    @property
    def partners_url(self) -> str:
        """Where partners' doors are, on this machine."""
        return url_of(self._sockets["partners"])

    @property
    def console_url(self) -> str:
        """Where the console is, on this machine."""
        return url_of(self._sockets["console"])

    def start(self) -> None:
        """Both listeners answer when this returns, and the lanes work."""
        hosts = {name: address_of(name, address) for name, address in self._asked.items()}
        several = self.bridge.config.web.processes > 1
        try:
            for name, (host, port) in hosts.items():
                take = listen_as_first if several and name == "partners" else listen
                self._sockets[name] = take(name, host, port)
            self._tell_site()
            self._run("partners", partners_app_of(self.bridge, hosts["partners"][0], lambda: self.trouble))
            self._run("console", console_app(self.bridge, [hosts["console"][0]], lambda: self.trouble))
            if several:
                self._start_beside()
        except BaseException:
            self.stop()
            raise
        self._thread("lanes", self._work)

    def stop(self) -> None:
        """Take no more requests; the lanes end after the batches at hand. What lasts longer than ``LONGEST`` is cut
        off: the ledger withstands it, as it does a kill."""
        self._ending.set()
        if self._beside:
            self._beside.stop()
        self.bridge.lanes.stop()
        for server in self._servers:
            server.should_exit = True
        until = time.monotonic() + LONGEST
        for thread in self._threads:
            if not wait_for(thread, until):
                log.warning("%s did not end in %g seconds and is cut off", thread.name, LONGEST)
        if self._beside:
            self._beside.join(until)
        for sock in self._sockets.values():
            sock.close()

    def _tell_site(self) -> None:
        """A port chosen by the system is known only now: links in e-mails must name it."""
        site = self.bridge.site
        site.console_url = self.console_url
        if not self.bridge.config.web.partners_url:
            site.partners_url = self.partners_url

    def _start_beside(self) -> None:
        bridge, site = self.bridge, self.bridge.site
        line = [str(bridge.path), bridge.mark, self.partners_url, site.partners_url, site.console_url]
        self._beside = DoorProcesses(bridge.lanes, line, bridge.config.web.processes - 1)
        self._beside.start()

    def _run(self, name: str, app: ASGIApp) -> None:
        server = server_of(app, behind_proxy=name == "partners")
        self._servers.append(server)
        thread = self._thread(name, lambda: server.run(sockets=[self._sockets[name]]))
        while not server.started:
            thread.join(0.01)
            if not thread.is_alive():
                raise SetupError("CB-108", f"the {name} listener did not start")

    def _work(self) -> None:
        """The lanes, for good: what stops them (a full disk) is said on the console and tried again."""
        self.bridge.lanes.run()
        self._stopped = "Work was stopped. Start casebridge again."  # seen only while the pages are still up

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"casebridge-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread


def serve(bridge: Bridge, say: Callable[[str], None] = print) -> None:
    """Run until SIGINT or SIGTERM; ``say`` gets the two addresses."""
    bridge.pulse.role = "serve"
    listeners = Listeners(bridge)
    with told_to_end() as told:
        listeners.start()
        try:
            say(f"Console:         {listeners.console_url}\nPartners' doors: {listeners.partners_url}")
            told.wait()
            log.info("told to end: no more requests, the batches at hand are finished")
        finally:
            listeners.stop()
