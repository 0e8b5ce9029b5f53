"""One worker's turn at one lane: the right to work on it, fenced, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from casebridge.engine.site import Site
from casebridge.store import leases
from casebridge.store.database import Connection, iso
from casebridge.store.leases import Lane

LEASE = timedelta(seconds=30)
"""A worker that has said nothing for so long loses its lane."""


@dataclass(slots=True)
class Turn:
    """All that a stop needs: the site, the lane, and commits that fail once the lane is another's."""

    site: Site
    lane: Lane
    epoch: int
    going: Callable[[], bool] = lambda: True  # False: come to an end after the batch at hand
    lease: timedelta = LEASE
    spoke: datetime = field(init=False)  # when it last wrote something
    tries: str = ""  # the mark of its try at a destination that failed (store/circuits.py)

    def __post_init__(self) -> None:
        self.spoke = self.site.clock()

    @contextmanager
    def write(self, *, one_worker: bool = False) -> Iterator[Connection]:
        """One transaction of the holder; raises Superseded, and commits nothing, when the lane is another's.

        ``one_worker``: no other worker of the site has such a one meanwhile.
        """
        with self.site.store.write(one_worker=one_worker) as c:
            self.spoke = self.site.clock()
            leases.keep(c, self.lane, self.epoch, iso(self.spoke + self.lease))
            yield c

    def check(self) -> None:
        """Before something leaves: is the lane still ours? Raises Superseded."""
        with self.write():
            pass
