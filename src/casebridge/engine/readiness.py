"""Is the site ready to work? Each answer rests on something that happened, not on a thing that seems to be there.

That the database can be written is known because this process wrote its sign of life; that the lanes work, because
turns at them ended lately where work is due; that seals are made, because the last was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from casebridge.engine.pulse import EVERY, Beat, beats_of
from casebridge.engine.site import Site
from casebridge.engine.worker import HANGS
from casebridge.store import level
from casebridge.store.database import StoreTrouble, iso
from casebridge.store.leases import Lane

PATIENCE = timedelta(seconds=60)
"""How long due work may stand without a turn anywhere."""
SILENCE = timedelta(seconds=3 * EVERY)


@dataclass(frozen=True, slots=True)
class Answer:
    """One question: its name, whether all is well, and if not what is wrong and what to do, in plain words."""

    name: str
    well: bool
    said: str
    remedy: str = ""


def answers(
    site: Site, name: str, jobs: Iterable[tuple[str, float]], due: Callable[[], Sequence[Lane]], trouble: str = ""
) -> list[Answer]:
    """All of them, for the process ``name``. ``jobs`` are done by the clock every so many seconds; ``due`` says in
    which lanes there is work that may go on; ``trouble`` is what this process met itself."""
    try:
        found, lanes = beats_of(site), due()
        with site.store.read() as c:
            today = level.is_today(c)
    except StoreTrouble as error:
        return [Answer("database", False, f"The database does not answer ({error}).",
                       "Start it again or mend its disk; nothing that was received is lost.")]  # fmt: skip
    living = [beat for beat in found if beat.alive(site)]
    may = _waits_for_work(site, len(lanes))
    return [
        _writing(site, next((beat for beat in found if beat.name == name), None)),
        _schema(today),
        _lanes(site, living, may, trouble),
        *(_job(site, living, job, seconds) for job, seconds in jobs),
    ]


def trouble_of(site: Site, own: str) -> str:
    """Why work does not go on, in words: ``own`` is what this process met itself, and the others say it in their signs
    of life."""
    try:
        return own or next((beat.trouble for beat in beats_of(site) if beat.trouble and beat.alive(site)), "")
    except StoreTrouble as error:
        return f"The database does not answer ({error})."


def ready(found: Iterable[Answer]) -> bool:
    """All is well."""
    return all(answer.well for answer in found)


def _waits_for_work(site: Site, lanes: int) -> Callable[[Beat], bool]:
    """Has a process, of those that could, done nothing for too long although there is something to do?"""
    late = iso(site.clock() - PATIENCE)
    return lambda beat: bool(lanes) and max(beat.turned, beat.started) < late


def _writing(site: Site, own: Beat | None) -> Answer:
    if own is None:
        return Answer("database", False, "This process has not written to the database yet.",
                      "Wait half a minute. If it stays like this, read the log.")  # fmt: skip
    if own.at < iso(site.clock() - SILENCE):
        return Answer("database", False, f"Nothing could be written to the database since {own.at}.",
                      "Look whether its disk is full or its server is down; nothing received is lost.")  # fmt: skip
    return Answer("database", True, "The database can be written.")


def _schema(today: bool) -> Answer:
    if today:
        return Answer("schema", True, "The database has the schema of this program.")
    return Answer("schema", False, "The database was moved to another schema while this program ran.",
                  "Start this process again with the same release as the others.")  # fmt: skip


def _lanes(site: Site, living: list[Beat], waits: Callable[[Beat], bool], trouble: str) -> Answer:
    hanging = [beat for beat in living if beat.silent and beat.silent < iso(site.clock() - HANGS)]
    said = trouble or next((beat.trouble for beat in living if beat.trouble), "")
    if said:
        return Answer("lanes", False, said, "Read the log for what it met; it is tried again by itself.")
    if not living:
        return Answer("lanes", False, "No process works on the lanes.", "Start casebridge serve or casebridge work.")
    if hanging:
        return Answer("lanes", False, f"A piece of work at {hanging[0].host} has hung since {hanging[0].silent}.",
                      "Start that process again: what it had begun is done again.")  # fmt: skip
    if all(waits(beat) for beat in living):
        return Answer("lanes", False, "Work is due, and nobody has done anything for a minute.",
                      "Start the process again; if that does not help, report it with the log.")  # fmt: skip
    return Answer("lanes", True, "The lanes work.")


def _job(site: Site, living: list[Beat], name: str, seconds: float) -> Answer:
    """Done lately in some process, or not yet expected since the first of them started."""
    done = max((beat.jobs.get(name, "") for beat in living), default="")
    since = max(done, min((beat.started for beat in living), default=""))
    late = site.clock() - timedelta(seconds=3 * seconds) - PATIENCE
    if not living or datetime.fromisoformat(since) >= late:
        return Answer(name, True, f"The job {name} is done in time.")
    when = f"since {done}" if done else f"since the start at {since}"
    return Answer(name, False, f"The job {name} has not been done {when}.",
                  "Read the log for what it met, mend that, and start the process again.")  # fmt: skip
