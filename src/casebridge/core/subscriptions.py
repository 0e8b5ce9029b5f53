"""Partners that want to be told when something on their shelf changes: what they watch, and what they were told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Keys = tuple[tuple[str, frozenset[str]], ...]
Status = Literal["requested", "active", "error", "off"]


@dataclass(frozen=True, slots=True)
class Watch:
    """Records of one type. Of each of ``keys`` one value must be among what the record is found by (see
    ``casebridge.Searched``), of ``without`` none. ``deletes``: it counts as well when one is withdrawn."""

    type: str
    keys: Keys = ()
    without: Keys = ()
    deletes: bool = False

    def sees(self, type_: str, keys: Iterable[tuple[str, str]] | None) -> bool:
        """Is a record of this type, found by these keys, one of those? None: it was withdrawn."""
        if type_ != self.type:
            return False
        if keys is None:
            return self.deletes
        found = set(keys)
        has = [any((name, value) in found for value in values) for name, values in self.keys]
        lacks = [not any((name, value) in found for value in values) for name, values in self.without]
        return all(has) and all(lacks)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One of a partner. ``said`` is for the adapter alone: how and where to tell, and the partner's own words.

    ``number`` counts what happened since it began, ``told`` what the partner has taken. ``heartbeat``: seconds of
    silence after which it is told that there is nothing (0: never). ``until``: it ends then (stored form, or "").
    """

    id: str
    watch: Watch
    said: Mapping[str, Any]
    status: Status = "requested"
    version: int = 1
    at: str = ""
    number: int = 0
    told: int = 0
    heartbeat: int = 0
    until: str = ""
    code: str = ""  # of the error that ended it


@dataclass(frozen=True, slots=True)
class Happened:
    """Number, moment, type and id of one record that changed."""

    number: int
    at: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Notification:
    """What a partner is told: that we can reach it (handshake), that there is nothing (heartbeat), what happened."""

    kind: Literal["handshake", "heartbeat", "event-notification"]
    events: Sequence[Happened] = field(default_factory=tuple)


class Subscriptions(Protocol):
    """The subscriptions of a door's partners. All raise TryAgain CB-404 while the database does not answer."""

    def keep(self, partner: str, subscription: Subscription, most: int) -> Subscription | None:
        """Make it, or put it instead of what is there; it begins with a handshake. None when the partner has ``most``
        others already."""

    def get(self, partner: str, id_: str) -> Subscription | None:
        """One of them."""

    def listed(self, partner: str) -> list[Subscription]:
        """All of a partner's."""

    def end(self, partner: str, id_: str) -> bool:
        """Take it away with what happened; False when there is none."""

    def happened(self, partner: str, id_: str, first: int, last: int, limit: int) -> list[Happened]:
        """What happened from one number to another, of what may still be seen."""


@runtime_checkable
class Notifying(Protocol):
    """A link that can tell its partner of changes on its shelf."""

    def notify(self, subscription: Subscription, notification: Notification) -> None:
        """Tell it; when this returns the partner has taken it. Raises TryAgain or SetupError, nothing else. Nothing of
        a record may be said but its type and id."""
