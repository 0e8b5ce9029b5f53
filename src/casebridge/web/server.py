"""The process: two listeners on two ports, and the lanes behind them."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from casebridge.app import Bridge
from casebridge.core.errors import SetupError
from casebridge.ending import LONGEST, told_to_end
from casebridge.web.console import console_app
from casebridge.web.operations import answers_of
from casebridge.web.partners import partners_app
from casebridge.web.silence import Impatient

log = logging.getLogger(__name__)
PROXY = "Listen on 127.0.0.1 and let a TLS proxy on the same machine pass the partners' requests on."
TUNNEL = "Listen on 127.0.0.1 and reach it from elsewhere through an SSH tunnel until sign-in is there."


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
        self._stopped = ""

    @property
    def trouble(self) -> str:
        """Why the lanes do not work, in words; empty while they do."""
        return self._stopped or self.bridge.lanes.trouble

    @property
    def partners_url(self) -> str:
        """Where partners' doors are, on this machine."""
        return _url(self._sockets["partners"])

    @property
    def console_url(self) -> str:
        """Where the console is, on this machine."""
        return _url(self._sockets["console"])

    def start(self) -> None:
        """Both listeners answer when this returns, and the lanes work."""
        hosts = {name: _checked(name, address) for name, address in self._asked.items()}
        try:
            for name, (host, port) in hosts.items():
                self._sockets[name] = _listen(name, host, port)
            self._tell_site()
            self._run("partners", self._partners_app(hosts["partners"][0]))
            self._run("console", console_app(self.bridge, [hosts["console"][0]], lambda: self.trouble))
        except BaseException:
            self.stop()
            raise
        self._thread("lanes", self._work)

    def stop(self) -> None:
        """Take no more requests; the lanes end after the batches at hand. What lasts longer than ``LONGEST`` is cut
        off: the ledger withstands it, as it does a kill."""
        self._ending.set()
        self.bridge.lanes.stop()
        for server in self._servers:
            server.should_exit = True
        until = time.monotonic() + LONGEST
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                log.warning("%s did not end in %g seconds and is cut off", thread.name, LONGEST)
        for sock in self._sockets.values():
            sock.close()

    def _tell_site(self) -> None:
        """A port chosen by the system is known only now: links in e-mails must name it."""
        site = self.bridge.site
        site.console_url = self.console_url
        if not self.bridge.config.web.partners_url:
            site.partners_url = self.partners_url

    def _partners_app(self, host: str) -> ASGIApp:
        outside = urlsplit(self.bridge.config.web.partners_url).hostname or ""
        answers = answers_of(self.bridge, lambda: self.trouble)
        return partners_app(self.bridge.doors, [host, outside], lambda: not self.trouble, answers)

    def _run(self, name: str, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app, access_log=False, log_config=None, server_header=False, lifespan="off", ws="none", http=Impatient,
            proxy_headers=name == "partners", forwarded_allow_ips="127.0.0.1,::1", limit_concurrency=200,
            timeout_keep_alive=10, timeout_graceful_shutdown=5)  # fmt: skip
        logging.getLogger("uvicorn.access").disabled = True  # whatever a site logs: addresses hold tokens
        server = uvicorn.Server(config)
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


def _checked(name: str, address: str) -> tuple[str, int]:
    """(host, port) of ``127.0.0.1:8421`` or ``[::1]:8421``; outside loopback is refused."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isdecimal() or int(port) > 65535 or not host:
        raise SetupError("CB-101", f"web.{name}: {address!r} is not an address such as 127.0.0.1:8421")
    if not _is_loopback(host):
        remedy = PROXY if name == "partners" else TUNNEL
        raise SetupError("CB-107", f"web.{name}: {host} can be reached from outside", remedy=remedy)
    return host, int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(name: str, host: str, port: int) -> socket.socket:
    """A socket that listens at once: two that only bind could share a port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except OSError as e:
        sock.close()
        raise SetupError("CB-108", f"web.{name}: {host}:{port} cannot be used ({e.strerror})") from None
    return sock


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
