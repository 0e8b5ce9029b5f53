"""The engine for PostgreSQL: Procrastinate spreads the turns at lanes over the worker processes of a site.

A wake is a job ``drain(lane)``, asked for after the commit that made work; at most one waits for each lane
(``queueing_lock``). Procrastinate hands it to one process of however many there are, notices a process that died by its
silence, and is the clock of what is done every so often. All of it may be lost: the sweep finds due work in the ledger.

Who may work on a lane is decided by its lease alone. A job's ``lock`` would not do: a worker that was stopped and
continued runs beside its successor, and a job that waits for a lock is not fetched when the lock is free but at the
next poll. A wake that finds the lane in other hands leaves a note, and whoever lets the lane go asks for its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status

from casebridge.engine.pool import Pool
from casebridge.engine.port import PATIENCE, crew_of, crews
from casebridge.engine.timetable import Timetable
from casebridge.engine.worker import Worker
from casebridge.store import jobs
from casebridge.store.database import StoreTrouble
from casebridge.store.leases import Lane

log = logging.getLogger(__name__)
logging.getLogger("procrastinate").setLevel(logging.WARNING)  # two lines for each turn say nothing new
POLL = 1.0
"""Seconds after which a job is found whose notification was missed."""
SLICE = 1.0
"""Seconds of turns at one lane before the next in line has its own."""


class Procrastinate:
    """A process among those that work on a site's lanes. ``heartbeat`` and ``dead_after`` are seconds."""

    sweep = 5.0

    def __init__(
        self, worker: Worker, threads: int = 4, patience: float = PATIENCE, *, heartbeat: float = 10,
        dead_after: float = 30,
    ) -> None:  # fmt: skip
        self.worker, self.patience, self.heartbeat, self.dead_after = worker, patience, heartbeat, dead_after
        self._sizes = crews(threads, len(worker.site.partners))
        self._pools = {name: Pool(name, size) for name, size in self._sizes.items()}
        self._timetable = Timetable()
        self._failed: dict[Lane, str] = {}
        self._mutex = threading.Lock()
        self._at_work: dict[Lane, bool] = {}  # with a thread of ours; True: woken meanwhile
        self._stopping, self._opening = threading.Event(), threading.Lock()
        self._end: Callable[[], object] = lambda: None
        self._asking: App | None = None
        reached = jobs.connection_of(worker.site.store)
        connector = PsycopgConnector(min_size=1, max_size=8, **reached)
        self._apps = {name: App(connector=connector) for name in self._sizes}
        self._ask_with = SyncPsycopgConnector(min_size=1, max_size=4, **reached)
        for app in self._apps.values():
            app.task(name="drain")(self._drain)
        self._clock = self._apps["long"]
        self._by_clock("rescue", max(1, dead_after / 3), self._rescue)

    # --- the port --------------------------------------------------------------------------------------------

    def wake(self, lanes: Iterable[Lane]) -> None:
        """Ask for a turn at each lane that is not in line yet."""
        named = {lane.name: lane for lane in lanes}
        try:
            for name in named.keys() - self._in_line(named):
                self._ask(named[name])
        except Exception as error:  # noqa: BLE001 - what made the work is committed; the sweep finds it
            log.warning("%d lanes could not be woken (%s); the sweep will", len(named), type(error).__name__)

    def every(self, seconds: float, name: str, job: Callable[[], object], *, everywhere: bool = False) -> None:
        """Do ``job`` by this process's own clock, or by Procrastinate's in one of all."""
        if everywhere:
            self._timetable.every(seconds, name, job)
            return

        async def in_a_thread(timestamp: int) -> None:
            await asyncio.wrap_future(self._pools["long"].submit(lambda: self._guarded(name, job)))

        self._by_clock(name, seconds, in_a_thread, lock=name)

    def run(self) -> None:
        """Work until ``stop``; raises StoreTrouble when the database is gone."""
        clock = threading.Thread(target=self._timetable.run, name="casebridge-clock", daemon=True)
        clock.start()
        try:
            asyncio.run(self._work())
        finally:
            self._timetable.stop()
            clock.join()
        until = time.monotonic() + self.patience
        for pool in self._pools.values():
            pool.close()
            pool.join(max(0.0, until - time.monotonic()))
        self.worker.let_go()

    def stop(self) -> None:
        """End ``run`` after the batches at hand."""
        self.worker.going = False
        self._stopping.set()
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._end()

    def close(self) -> None:
        """Let go of the connections that wakes went over."""
        with self._opening:
            if self._asking is not None:
                self._asking.close()
                self._asking = None

    @property
    def trouble(self) -> str:
        """The class of the last error of some lane, or of what is done by the clock, that has not gone well since."""
        return next(iter([*self._failed.values(), *self._timetable.troubles.values()]), "")

    # --- asking for turns ------------------------------------------------------------------------------------

    def _in_line(self, named: dict[str, Lane]) -> set[str]:
        with self.worker.site.store.read() as c:
            return jobs.in_line(c, named)

    def _ask(self, lane: Lane) -> None:
        with self._opening:
            if self._asking is None:
                self._asking = App(connector=self._ask_with).open()
        job = self._asking.configure_task("drain", queue=crew_of(lane), queueing_lock=lane.name)
        with contextlib.suppress(AlreadyEnqueued):  # somebody else just did
            job.defer(lane=lane.name)

    def _by_clock(self, name: str, seconds: float, job: Callable[[int], Any], lock: str | None = None) -> None:
        task = self._clock.task(name=name, queue="long", lock=lock, queueing_lock=lock)(job)
        self._clock.periodic(cron=cron(seconds))(task)

    # --- having them -----------------------------------------------------------------------------------------

    async def _work(self) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(end.set)
        if self._stopping.is_set():
            return
        async with self._clock.open_async():
            ending = asyncio.create_task(end.wait())
            workers = [asyncio.create_task(self._worker(name, size)) for name, size in self._sizes.items()]
            await asyncio.wait([ending, *workers], return_when=asyncio.FIRST_COMPLETED)
            for task in (ending, *workers):
                task.cancel()
            ended = await asyncio.gather(*workers, return_exceptions=True)
        if not self._stopping.is_set():
            errors = [e for e in ended if isinstance(e, Exception)]
            raise StoreTrouble(type(errors[0]).__name__ if errors else "a worker ended")

    async def _worker(self, name: str, size: int) -> None:
        await self._apps[name].run_worker_async(
            queues=[name], name=name, concurrency=size, install_signal_handlers=False, delete_jobs="always",
            update_heartbeat_interval=self.heartbeat, stalled_worker_timeout=self.dead_after,
            shutdown_graceful_timeout=self.patience, fetch_job_polling_interval=POLL)  # fmt: skip

    async def _drain(self, lane: str) -> None:
        found = Lane.named(lane)
        await asyncio.wrap_future(self._pools[crew_of(found)].submit(lambda: self._turns(found)))

    def _turns(self, lane: Lane) -> None:
        with self._mutex:
            if lane in self._at_work:  # another thread of ours is there: it looks again
                self._at_work[lane] = True
                return
            self._at_work[lane] = False
        more: list[Lane] = []
        try:
            more = self._slice(lane)
            self._failed.pop(lane, None)
        except Exception as error:  # noqa: BLE001 - the sweep tries again; its text may quote a record
            self._failed[lane] = type(error).__name__
            log.error("%s: unexpected %s", lane.name, type(error).__name__)
        finally:
            with self._mutex:
                woken = self._at_work.pop(lane)
        self.wake([lane] if woken else more)

    def _slice(self, lane: Lane) -> list[Lane]:
        """Turns for a while; the lanes that need another, at the end of the line."""
        until, done = time.monotonic() + SLICE, 1
        while done and self.worker.going and time.monotonic() < until:
            done = self.worker.turn(lane)
            if lane.stop == "accept":  # a partner is asked again at its time, not at once
                break
        else:
            if done and self.worker.going:
                return [lane]
        return self.worker.let_go([lane])

    async def _rescue(self, timestamp: int) -> None:
        """What a dead process had begun is taken out of its hands; the sweep asks for those turns anew."""
        manager = self._clock.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self.dead_after):
            if job.id is not None:
                await manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)

    def _guarded(self, name: str, job: Callable[[], object]) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - the next time may go well; its text may quote a record
            log.error("%s: unexpected %s", name, type(error).__name__)


def cron(seconds: float) -> str:
    """The schedule that comes nearest, in croniter's notation; its sixth field are seconds."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"* * * * * */{whole}"
    if whole < 3600:
        return f"*/{whole // 60} * * * *"
    return f"0 */{whole // 3600} * * *" if whole < 86400 else "0 3 * * *"
