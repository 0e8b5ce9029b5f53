"""The addresses that listeners have: checked, taken, and named."""

from __future__ import annotations

import ipaddress
import socket

from casebridge.core.errors import SetupError

PROXY = "Listen on 127.0.0.1 and let a TLS proxy on the same machine pass the partners' requests on."
TUNNEL = "Listen on 127.0.0.1 and reach it from elsewhere through an SSH tunnel until sign-in is there."


def address_of(name: str, text: str) -> tuple[str, int]:
    """(host, port) of ``127.0.0.1:8421`` or ``[::1]:8421``. SetupError CB-101 for what is none, CB-107 outside
    loopback."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isdecimal() or int(port) > 65535 or not host:
        raise SetupError("CB-101", f"web.{name}: {text!r} is not an address such as 127.0.0.1:8421")
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


def listen(name: str, host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket that listens at once: two that only bind could share a port. SetupError CB-108 when it is taken.

    ``shared``: other processes of this account may listen there as well, and the system deals connections out to them.
    (Of one socket that all have, whoever is awake first would take all that come together.)
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen(128)
    except OSError as e:
        sock.close()
        raise SetupError("CB-108", f"web.{name}: {host}:{port} cannot be used ({e.strerror})") from None
    return sock


def listen_as_first(name: str, host: str, port: int) -> socket.socket:
    """A shared socket where nobody listens yet: another CaseBridge is no process of this one."""
    with listen(name, host, port) as alone:
        port = alone.getsockname()[1]
    return listen(name, host, port, shared=True)


def url_of(sock: socket.socket) -> str:
    """``http://127.0.0.1:8421``."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
