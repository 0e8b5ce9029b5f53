"""What is looked at before a process begins to work, and again by ``casebridge check``: one list for both.

That the configuration, the keys, the maps and the database are there is known when a bridge opens at all. What stops a
start is what would do harm if one went on; the rest is said and logged.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from casebridge.app import Bridge
from casebridge.core import signing_keys
from casebridge.core.errors import SetupError, error_codes
from casebridge.engine import relocating
from casebridge.engine.chain import PLAIN
from casebridge.store import box, level, seals
from casebridge.store.database import StoreTrouble

log = logging.getLogger(__name__)
LEAST = 100 * 1024**2
"""Bytes that must be free beside the store."""
SCARCE = 1024**3
BUILT = datetime(2026, 3, 1, tzinfo=UTC)
"""No clock that is right is before this program was written."""
APART = 300.0
"""Seconds between this machine's clock and the database's that leases (30 s) cannot bear."""
NEAR = 10.0
BACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``stops``: one does not start with it. Well when ``code`` is empty."""

    name: str
    said: str
    code: str = ""
    stops: bool = False

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return error_codes()[self.code].remedy if self.code else ""


def look(bridge: Bridge) -> list[Finding]:
    """Everything, in the order in which one would mend it."""
    return [finding for check in CHECKS for finding in check(bridge)]


def begin(bridge: Bridge) -> None:
    """Before work begins: SetupError for the first thing that stops it; the rest is logged."""
    for finding in look(bridge):
        if finding.code and finding.stops:
            raise SetupError(finding.code, finding.said)
        if finding.code:
            log.warning("%s: %s. %s [%s]", finding.name, finding.said, finding.remedy, finding.code)


def _configuration(bridge: Bridge) -> Iterator[Finding]:
    yield Finding("configuration", f"partners {len(bridge.config.partner)}, routes {len(bridge.config.route)}")


def _database(bridge: Bridge) -> Iterator[Finding]:
    """Reached and brought to today's schema when the bridge opened; now written to."""
    try:
        level.try_to_write(bridge.site.store, bridge.site.now())
    except StoreTrouble as error:
        said = f"nothing can be written to the database ({error})"
        yield Finding("database", said, "CB-142", stops=True)
        return
    with bridge.site.store.read() as c:
        off = level.forgetful(c)
    if off:
        yield Finding("database", f"PostgreSQL runs with {' and '.join(f'{name} = off' for name in off)}", "CB-148")
    else:
        yield Finding("database", f"reached, can be written, schema {level.revisions()[0]}")


def _place(bridge: Bridge) -> Iterator[Finding]:
    """Nothing is said of a store that is where it belongs."""
    try:
        relocating.here(bridge.site)
    except SetupError as error:
        yield Finding("place", error.message, error.code, stops=True)


def _room(bridge: Bridge) -> Iterator[Finding]:
    places = {"store": level.free(bridge.site.store.url), "temporary files": _free(Path(tempfile.gettempdir()))}
    for name, free in places.items():
        if free is None:
            continue
        said = f"{_mb(free)} free for the {name}"
        if free < LEAST:
            yield Finding("disk", f"{said}, at least {_mb(LEAST)} are needed", "CB-143", stops=name == "store")
        elif free < SCARCE:
            yield Finding("disk", f"{said}: that is soon full", "CB-143")
        else:
            yield Finding("disk", said)


def _clock(bridge: Bridge) -> Iterator[Finding]:
    now = bridge.site.clock()
    with bridge.site.store.read() as c:
        ahead, last = level.seconds_ahead(c, now.timestamp()), level.latest(c)
    if now < BUILT:
        yield Finding("clock", f"it says {now:%Y-%m-%d}, before this program was made", "CB-144", stops=True)
    elif abs(ahead) > APART:
        yield Finding("clock", f"it is {abs(ahead):.0f} seconds off the database's", "CB-144", stops=True)
    elif abs(ahead) > NEAR:
        yield Finding("clock", f"it is {abs(ahead):.0f} seconds off the database's", "CB-144")
    elif last and datetime.fromisoformat(last) > now + BACK:
        yield Finding("clock", f"the last thing on the books happened at {last}, and it says {now:%H:%M} now", "CB-144")
    else:
        yield Finding("clock", f"it says {now:%Y-%m-%d %H:%M} UTC")


def _keys(bridge: Bridge) -> Iterator[Finding]:
    ring = bridge.site.ledger_keys
    with bridge.site.store.read() as c:
        last = seals.last(c)
    if not ring.current:
        said = "the ledger is sealed without a key: whoever can write to the store could make all its seals anew"
        yield Finding("key", said, "CB-146")
    elif last and last.key != PLAIN and ring.of(last.key) is None:
        yield Finding("key", f"the last seal was made with the key {last.key}, which is not at hand", "CB-132")
    else:
        yield Finding("key", f"the ledger is sealed with the key {ring.id}")


def _encryption(bridge: Bridge) -> Iterator[Finding]:
    first = bridge.site.store.box.keys[0]
    if first == box.PLAIN:
        said = "records and payloads lie in the store as plain text: whoever has its file can read them"
        yield Finding("encryption", said, "CB-147")
    else:
        yield Finding("encryption", f"the store is closed with the key {first}")


def _rights(bridge: Bridge) -> Iterator[Finding]:
    """Of the account that runs this, and of nobody else."""
    found = [finding for path in _private(bridge) for finding in _of_others(path)]
    folder = bridge.base
    if not os.access(folder, os.W_OK | os.X_OK) and bridge.site.store.url.startswith("sqlite"):
        found.append(Finding("rights", f"files cannot be made in {folder}", "CB-142", stops=True))
    yield from found or [Finding("rights", "nobody else reads or changes the store and its secrets")]


def _of_others(path: Path) -> Iterator[Finding]:
    mode = path.stat().st_mode
    if mode & stat.S_IWOTH:
        yield Finding("rights", f"anyone on this machine can change {path}: chmod o-rwx {path}", "CB-145", stops=True)
    elif mode & (stat.S_IROTH | stat.S_IWGRP):
        yield Finding("rights", f"others can read or change {path}: chmod g-w,o-rwx {path}", "CB-145")


def _private(bridge: Bridge) -> Iterator[Path]:
    """The store's file and every file that holds a secret."""
    url = bridge.site.store.url
    named = [*_secrets(bridge.config.model_dump()), *(bridge.base / signing_keys.FOLDER).glob("*/*.pem")]
    for path in [*([Path(url.removeprefix("sqlite:///"))] if url.startswith("sqlite:///") else []), *named]:
        whole = bridge.base / path
        if whole.is_file() and not whole.is_relative_to("/run/secrets"):  # a container's own, which it cannot change
            yield whole


def _secrets(value: Any) -> Iterator[Path]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _secrets(each)
    elif isinstance(value, str) and value.startswith("file:"):
        yield Path(value.removeprefix("file:"))


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _mb(size: int) -> str:
    return f"{size / 1024**2:,.0f} MB"


CHECKS: tuple[Callable[[Bridge], Iterator[Finding]], ...] = (
    _configuration, _database, _place, _room, _clock, _keys, _encryption, _rights,
)  # fmt: skip
"""Each looks at one thing; ``look`` asks them all."""
