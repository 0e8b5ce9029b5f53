"""May this address be notified? It is asked when a partner subscribes, and again before each time something is sent.

A partner chooses where we send requests to. It gets no further than the addresses that the site named for it, and a
name that leads into a private network leads nowhere, unless the site named that network.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from casebridge.core.errors import SetupError, TryAgain
from casebridge_fhir.notifying.settings import MAILTO, NotifyingSettings

LONGEST = 2000
_NEVER = ("\\", "%2e", "%2f", "%5c", "/../", "/./", "\x00", " ", "@")


def is_allowed(endpoint: str, settings: NotifyingSettings) -> bool:
    """Is it, or is it below, an address that the site named for this partner?"""
    if endpoint.startswith(MAILTO):
        return settings.notify_mail is not None and endpoint.lower() in {a.lower() for a in settings.notify_at}
    if len(endpoint) > LONGEST or not endpoint.isascii() or any(c in f"{endpoint.lower()}/" for c in _NEVER):
        return False
    return any(_is_below(endpoint, address) for address in settings.notify_at if not address.startswith(MAILTO))


def _is_below(endpoint: str, address: str) -> bool:
    theirs, ours = urlsplit(endpoint), urlsplit(address)
    try:
        same = (theirs.scheme, theirs.hostname, theirs.port) == (ours.scheme, ours.hostname, ours.port)
    except ValueError:
        return False
    path = ours.path.rstrip("/")
    return same and not theirs.fragment and (theirs.path == ours.path or theirs.path.startswith(f"{path}/"))


def resolved(host: str, port: int, settings: NotifyingSettings) -> str:
    """The address to connect to. TryAgain CB-401 for a name that is not known, SetupError CB-101 for one that leads
    where nothing may be sent."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise TryAgain("CB-401", f"the name in the subscriber's address is unknown ({type(error).__name__})") from None
    named = host == "localhost" or _is_address(host)
    for address in found:
        if not named and not _is_open(ip_address(address), settings):
            raise SetupError("CB-101", "the subscriber's address leads into a private network",
                             remedy="If that is right, name the network in notify_networks.")  # fmt: skip
    return sorted(found)[0]


def _is_address(host: str) -> bool:
    """Named by the site as it is: ``is_allowed`` compared it."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_open(address: IPv4Address | IPv6Address, settings: NotifyingSettings) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _is_open(mapped, settings)
    return (address.is_global and not address.is_multicast) or any(
        address in ip_network(n) for n in settings.notify_networks)
