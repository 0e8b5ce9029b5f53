"""Many messages in one transaction; when that fails, fewer, so that one bad record costs only itself."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from casebridge import logs
from casebridge.core.errors import Bug, CaseBridgeError, place_of
from casebridge.engine.site import Site
from casebridge.engine.turn import Turn
from casebridge.store import ledger
from casebridge.store.database import Clash, Connection, StoreTrouble
from casebridge.store.leases import Superseded
from casebridge.store.ledger import Message

log = logging.getLogger(__name__)
Item = TypeVar("Item")
NO_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE)
Told = list[dict[str, Any]]
"""What observers hear once the commit is through: the values of ``Site.tell``."""


class Commits(Protocol):
    """A turn at a lane; or a job of the clock, which has no lane."""

    site: Site

    def write(self, *, one_worker: bool = False) -> AbstractContextManager[Connection]:
        """One transaction."""


@dataclass(slots=True)
class NoLane:
    """The commits of a job of the clock."""

    site: Site

    def write(self, *, one_worker: bool = False) -> AbstractContextManager[Connection]:
        """One transaction."""
        return self.site.store.write(one_worker=one_worker)


def together(
    turn: Commits, items: Sequence[Item], do: Callable[[Connection, Sequence[Item]], Told],
    alone: Callable[[Item, CaseBridgeError], None], *, one_worker: bool = False, again: bool = True,
) -> None:  # fmt: skip
    """``do`` all items in one transaction; if it raises, each half by itself, and ``alone`` what fails by itself.

    ``one_worker``: no other worker of the site is in such a transaction meanwhile.
    ``again``: when another worker wrote the same at the same moment, look again, once.
    Raises StoreTrouble and Superseded as they are: they say nothing about the items.
    """
    if not items:
        return
    try:
        with turn.write(one_worker=one_worker) as c:
            told = do(c, items)
    except Clash as error:
        if again:
            together(turn, items, do, alone, one_worker=one_worker, again=False)
        else:
            _fewer(turn, items, do, alone, error, one_worker=one_worker)
    except (StoreTrouble, Superseded):
        raise
    except Exception as error:  # noqa: BLE001 - sorted out below, by halves
        _fewer(turn, items, do, alone, error, one_worker=one_worker)
    else:
        for values in told:
            turn.site.tell(**values)


def _fewer(
    turn: Commits, items: Sequence[Item], do: Callable[[Connection, Sequence[Item]], Told],
    alone: Callable[[Item, CaseBridgeError], None], error: Exception, *, one_worker: bool,
) -> None:  # fmt: skip
    if len(items) == 1:
        with logs.about(items[0]):
            alone(items[0], known(error))
        return
    middle = len(items) // 2
    for half in (items[:middle], items[middle:]):
        together(turn, half, do, alone, one_worker=one_worker)


def hold(turn: Turn, message: Message, error: CaseBridgeError) -> None:
    """The message stops here, with its reason, its remedy and who must act."""
    with turn.write() as c:
        told = write_held(c, turn.site, message, error)
    turn.site.tell(**told)


def write_held(c: Connection, site: Site, message: Message, error: CaseBridgeError) -> dict[str, Any]:
    """Write down that it stops; what observers hear after the commit."""
    ledger.change(c, message, site.now(), state="held", **ledger.why(error))
    ledger.note(c, site.now(), "held", message, code=error.code)
    return {"name": "held", **about([message]), "partner": message.partner, "stop": message.stop, "state": "held",
            "code": error.code}  # fmt: skip


def about(messages: Sequence[Message]) -> dict[str, str]:
    """What observers hear of the one message that something happened to; nothing when there are many."""
    return {"message": messages[0].id, "correlation": messages[0].correlation or ""} if len(messages) == 1 else {}


def is_elsewhere(error: Exception) -> bool:
    """Does it say nothing of a payload or record: the database is away, or this machine has no room or no disk?"""
    return isinstance(error, StoreTrouble) or (isinstance(error, OSError) and error.errno in NO_MACHINE)


def known(error: BaseException) -> CaseBridgeError:
    """The error as one of ours. One we did not think of may quote a record: only its type and place are kept."""
    if isinstance(error, CaseBridgeError):
        return error
    place = place_of(error)
    log.error("unexpected %s at %s", type(error).__name__, place)
    return Bug("CB-901", f"unexpected {type(error).__name__} at {place}")
