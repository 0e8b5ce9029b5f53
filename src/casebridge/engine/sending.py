"""At a partner's link: what is sent, what is looked for, and when to leave off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from casebridge.adapter import Bulk, Conflict, Dispatch, Link, Receipt
from casebridge.core.errors import CaseBridgeError
from casebridge.engine.circuit import is_down
from casebridge.engine.release import unpacked
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import known
from casebridge.engine.turn import Turn
from casebridge.store import dispatches, ledger
from casebridge.store.database import Connection
from casebridge.store.dispatches import StoredDispatch
from casebridge.store.ledger import Message

ENOUGH = 10.0
"""Seconds after which a batch at a slow partner is written down; the rest of it is for the next turn."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A dispatch for the link, the messages in it, and its key.

    The key of a single message is its own id: also prepared anew, it is the same thing to the partner. A copy's key is
    our id of what is copied: whichever message makes it, it is made once.
    """

    stored: StoredDispatch
    messages: tuple[Message, ...]
    dispatch: Dispatch

    @property
    def key(self) -> str:
        """What makes a repeat recognisable."""
        if len(self.messages) != 1:
            return self.stored.id
        return str(self.messages[0].about.get("record") or self.messages[0].id)


Answer = Receipt | Conflict | CaseBridgeError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a dispatch. ``unsent``: it is as if it had not been tried; ``again``: nobody can tell whether an
    earlier try arrived."""

    sending: Sending
    answer: Answer
    unsent: bool = False
    again: bool = False


def opened(
    c: Connection, site: Site, partner: Partner, some: Sequence[StoredDispatch], urls: Mapping[str, str]
) -> list[Sending]:
    """Dispatches as the link gets them; ``urls`` are the pages for answers, by dispatch."""
    files = dispatches.files_of(c, [d.id for d in some])
    found = []
    for stored, messages in with_messages(c, some):
        releases = tuple(unpacked(m.document) for m in messages)
        url = urls.get(stored.id, "")
        dispatch = Dispatch(
            stored.id, partner.name, files.get(stored.id, ()), releases, url, reply_until(site) if url else None)
        found.append(Sending(stored, messages, dispatch))
    return found


def reply_until(site: Site) -> datetime:
    """How long the page for answers is there."""
    return site.clock().astimezone(site.timezone) + timedelta(days=site.token_days)


def with_messages(
    c: Connection, some: Sequence[StoredDispatch]
) -> Iterator[tuple[StoredDispatch, tuple[Message, ...]]]:
    """Each dispatch with what is in it."""
    messages = ledger.of_dispatches(c, [d.id for d in some])
    for stored in some:
        yield stored, tuple(messages.get(stored.id, ()))


def tells(link: Link) -> bool:
    """Does None from the link's ``find`` mean that it is not there?"""
    return bool(getattr(link, "finds", False))


def looked_for(link: Link, sendings: Sequence[Sending]) -> list[Answer | None]:
    """What the partner has of each, None where it has nothing or nobody can tell; not of all when it is down."""
    return list(_until_down(sendings, lambda s: _guarded(lambda: link.find(s.dispatch, s.key))))


def handed_over(turn: Turn, link: Link, going: Sequence[Sending]) -> list[Answer]:
    """The partner's answer to each; to fewer when it is down or slow: the others were not tried.

    Raises Superseded when the lane is another's, and sends nothing more.
    """
    if not going:
        return []
    if isinstance(link, Bulk):
        turn.check()
        return list(_all_at_once(link, going))
    fence = _Fence(turn)

    def send(sending: Sending) -> Answer:
        fence.check()
        return _guarded(lambda: link.send(sending.dispatch, sending.key)) or known(TypeError("send gave nothing"))

    return [answer for answer in _until_down(going, send) if answer is not None]


def _until_down(
    some: Sequence[Sending], ask: Callable[[Sending], Answer | None]
) -> Iterator[Answer | None]:
    began = time.monotonic()
    for sending in some:
        answer = ask(sending)
        yield answer
        if is_down(answer) or time.monotonic() - began > ENOUGH:
            return


def _guarded(call: Callable[[], Receipt | Conflict | None]) -> Answer | None:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code
        return known(error)


def _all_at_once(link: Bulk, going: Sequence[Sending]) -> Sequence[Answer]:
    try:
        return link.send_all([(s.dispatch, s.key) for s in going])
    except Exception as error:  # noqa: BLE001 - a link is a stranger's code: none of them was answered
        return [known(error)] * len(going)


class _Fence:
    """Looked at before every send; what was written a moment ago is known, and no worker takes over so soon."""

    def __init__(self, turn: Turn) -> None:
        self._turn, self._moment = turn, turn.lease.total_seconds() / 30
        self._written = time.monotonic() - self._moment

    def check(self) -> None:
        if time.monotonic() - self._written >= self._moment:
            self._turn.check()
            self._written = time.monotonic()
