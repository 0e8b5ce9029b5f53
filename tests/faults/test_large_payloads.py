"""A payload of 50 MB, and one of more than 1 GB, killed in the middle of it: what is in memory does not grow with the
file, it is understood in pieces, and whoever goes on begins where it was left."""

from __future__ import annotations

import time
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
from measured import Measured
from pantry import COLUMNS, pantry_table
from sites import TestSite
from workers import comes_true

from casebridge.store import ledger

SITE = pantry_table() + "\n[web]\npoll_seconds = 0.5\n"
NOTE = 100_000  # characters
MEMORY = 500 * 1024  # KiB that a process may take beyond what it needs for a small file: half of the large one


def write_clients(path: Path, rows: int, notes: int) -> int:
    """A list of so many clients, with so many long notes on each; its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent.parent / path.name
    with unfinished.open("w", encoding="utf-8") as out:
        out.write(",".join([COLUMNS, *(f"Note {n}" for n in range(notes))]) + "\n")
        for row in range(rows):
            note = f"{row:09}" * (NOTE // 9)
            out.write(f"K{row},Ada,Moreno,02/20/1987,,,,,,,,," + f",{note}" * notes + "\n")
    unfinished.rename(path)
    return path.stat().st_size


def usual(site: TestSite) -> int:
    """What a process needs that has next to nothing to do."""
    write_clients(site.folder / "pantry" / "in" / "small.csv", 2, 0)
    return peak(site)


def peak(site: TestSite) -> int:
    """Do all that is due: the most memory that it took, in KiB."""
    with Measured(site.folder) as process:
        taken = process.ended()
        assert process.code == 0
        return taken


def read_so_far(site: TestSite) -> int:
    """How many records of the payload at hand are understood."""
    with site.bridge.site.store.read() as c:
        return sum(int(m.about.get("read", 0)) for m in ledger.listed(c, kind="payload", state="waiting"))


def waiting(site: TestSite) -> int:
    """How many messages are on their way."""
    with site.bridge.site.store.read() as c:
        return sum(ledger.tally(c, "state", state="waiting").values())


def all_there(site: TestSite, rows: int) -> None:
    """Each record of the large file, once."""
    payload = max(site.messages(kind="payload"), key=lambda m: m.seq)
    with site.bridge.site.store.read() as c:
        assert ledger.counts(c, payload.id) == {"done": rows}
    assert {m.state for m in site.messages(kind="payload")} == {"done"}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_fifty_megabytes_are_understood_in_bounded_memory(tmp_path: Path, store_url: str) -> None:
    site = TestSite(tmp_path / "site", store=store_url, more=SITE)
    before = usual(site)
    size = write_clients(site.folder / "pantry" / "in" / "large.csv", 250, 2)
    assert size > 50_000_000
    taken = peak(site)
    print(f"{before} KiB for a small file, {taken} KiB for one of {size} bytes")  # noqa: T201
    assert taken - before < MEMORY / 3
    all_there(site, 250)
    site.bridge.close()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_more_than_a_gigabyte_killed_in_the_middle_goes_on_where_it_was(tmp_path: Path, store_url: str) -> None:
    site, rows = TestSite(tmp_path / "site", store=store_url, more=SITE), 1_800
    before = usual(site)
    began = time.monotonic()
    size = write_clients(site.folder / "pantry" / "in" / "large.csv", rows, 6)
    assert size > 1024**3
    written, peaks = time.monotonic(), []
    for share in (0.2, 0.6):
        with Measured(site.folder, "work") as process:
            assert comes_true(lambda share=share: read_so_far(site) > share * rows, 600)  # type: ignore[misc]
            peaks.append(process.ended(SIGKILL))
        assert share * rows < read_so_far(site) < rows
    left = read_so_far(site)
    with Measured(site.folder, "work") as process:
        assert comes_true(lambda: not waiting(site), 600)
        peaks.append(process.ended(SIGTERM))
    print(f"{before} KiB for a small file, {peaks} KiB for one of {size} bytes; went on at record {left}; "  # noqa: T201
          f"{written - began:.0f} s to write, {time.monotonic() - written:.0f} s to work on it")  # fmt: skip
    assert max(peaks) - before < MEMORY
    all_there(site, rows)
    site.bridge.close()
