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
from collections.abc import Awaitable, Callable, Iterable

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
from casebridge.store.postgresql import UNREAD, end_unread

log = logging.getLogger(__name__)
logging.getLogger("procrastinate").setLevel(logging.WARNING)  # two lines for each turn say nothing new
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # a database that is gone is said once, by the lanes
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
        self._by_clock: list[tuple[str, float, Callable[[], object], str | None]] = []
        self._timetable.every(UNREAD / 2, "unread", self._end_unread)
        self._failed: dict[Lane, str] = {}
        self._mutex = threading.Lock()
        self._at_work: dict[Lane, bool] = {}  # with a thread of ours; True: woken meanwhile
        self.working = False
        self._stopping = threading.Event()
        self._clock: threading.Thread | None = None
        self._end: Callable[[], object] = lambda: None
        self._asking = App(connector=SyncPsycopgConnector())  # on connections of the store

    # --- the port --------------------------------------------------------------------------------------------

    def wake(self, lanes: Iterable[Lane]) -> None:
        """Ask for a turn at each lane that is not in line yet."""
        named = {lane.name: lane for lane in lanes}
        try:
            for name in jobs.not_in_line(self.worker.site.store, named) if named else ():
                self._ask(named[name])
        except Exception as error:  # noqa: BLE001 - what made the work is committed; the sweep finds it
            log.warning("%d lanes could not be woken (%s); the sweep will", len(named), type(error).__name__)

    def every(
        self, seconds: float, name: str, job: Callable[[], object], *, everywhere: bool = False, overlap: bool = False
    ) -> None:
        """Do ``job`` by this process's own clock, or by Procrastinate's in one of all."""
        if everywhere:
            self._timetable.every(seconds, name, job)
        else:
            self._by_clock.append((name, seconds, job, None if overlap else name))

    def run(self) -> None:
        """Work until ``stop``; raises what makes it impossible, such as a database that is gone."""
        if self._clock is None:
            self._clock = threading.Thread(target=self._timetable.run, name="casebridge-clock", daemon=True)
            self._clock.start()
        asyncio.run(self._work())
        self._clock.join()
        until = time.monotonic() + self.patience
        for pool in self._pools.values():
            pool.close()
            pool.join(max(0.0, until - time.monotonic()))
        self.worker.let_go()

    def stop(self) -> None:
        """End ``run`` after the batches at hand."""
        self.worker.going = False
        self._stopping.set()
        self._timetable.stop()
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._end()

    def close(self) -> None:
        """Nothing stays open but the store's own connections."""

    @property
    def trouble(self) -> str:
        """The class of the last error of some lane, or of what is done by the clock, that has not gone well since."""
        return next(iter([*self._failed.values(), *self._timetable.troubles.values()]), "")

    def _end_unread(self) -> None:
        """A worker that was stopped in the middle of an answer keeps what it locked from nobody for long."""
        with self.worker.site.store.read() as c:
            if ended := end_unread(c.raw):
                log.warning("%d sessions of the database were ended: nobody read their answers", ended)

    # --- asking for turns ------------------------------------------------------------------------------------

    def _ask(self, lane: Lane) -> None:
        with contextlib.suppress(AlreadyEnqueued), jobs.transaction(self.worker.site.store) as connection:
            job = self._asking.configure_task(
                "drain", queue=crew_of(lane), queueing_lock=lane.name, connection=connection)  # fmt: skip
            job.defer(lane=lane.name)

    # --- having them -----------------------------------------------------------------------------------------

    async def _work(self) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(end.set)
        if self._stopping.is_set():
            return
        apps = self._apps()
        async with apps["long"].open_async():
            ending = asyncio.create_task(end.wait())
            workers = [asyncio.create_task(self._worker(app, name)) for name, app in apps.items()]
            self.working = True
            await asyncio.wait([ending, *workers], return_when=asyncio.FIRST_COMPLETED)
            self.working = False
            for task in (ending, *workers):
                task.cancel()
            ended = await asyncio.gather(*workers, return_exceptions=True)
        if not self._stopping.is_set():
            raise next((e for e in ended if isinstance(e, Exception)), StoreTrouble("a worker ended by itself"))

    def _apps(self) -> dict[str, App]:
        """One for each crew, over the same connections; the clock is the long one's."""
        connector = PsycopgConnector(min_size=1, max_size=8, timeout=10, **jobs.connection_of(self.worker.site.store))
        apps = {name: App(connector=connector) for name in self._sizes}
        for app in apps.values():
            app.task(name="drain")(self._drain)
        for name, seconds, job, lock in self._by_clock:
            task = apps["long"].task(name=name, queue="long", lock=lock, queueing_lock=name)(self._job(name, job))
            apps["long"].periodic(cron=cron(seconds))(task)
        rescue = apps["long"].task(name="rescue", queue="long")(self._rescuing(apps["long"]))
        apps["long"].periodic(cron=cron(self.dead_after / 3))(rescue)
        return apps

    async def _worker(self, app: App, name: str) -> None:
        await app.run_worker_async(
            queues=[name], name=name, concurrency=self._sizes[name], install_signal_handlers=False,
            delete_jobs="always", update_heartbeat_interval=self.heartbeat, stalled_worker_timeout=self.dead_after,
            shutdown_graceful_timeout=self.patience, fetch_job_polling_interval=POLL)  # fmt: skip

    def _job(self, name: str, job: Callable[[], object]) -> Callable[[int], Awaitable[None]]:
        def guarded() -> None:
            try:
                job()
            except Exception as error:  # noqa: BLE001 - the next time may go well; its text may quote a record
                log.error("%s: unexpected %s", name, type(error).__name__)

        async def in_a_thread(timestamp: int) -> None:
            await asyncio.wrap_future(self._pools["long"].submit(guarded))

        return in_a_thread

    def _rescuing(self, app: App) -> Callable[[int], Awaitable[None]]:
        """What a dead process had begun is taken off the list; the sweep asks for those turns anew."""

        async def rescue(timestamp: int) -> None:
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self.dead_after):
                if job.id is not None:
                    await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)

        return rescue

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
                done = 0
        return [*self.worker.let_go([lane]), *([lane] if done else [])]


def cron(seconds: float) -> str:
    """The schedule that comes nearest, in croniter's notation; its sixth field are seconds."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"* * * * * */{whole}"
    if whole < 3600:
        return f"*/{whole // 60} * * * *"
    return f"0 */{whole // 3600} * * *" if whole < 86400 else "0 3 * * *"
