"""What the books say after bad input: every message accounted for, and each reason a help to whoever must act."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from pathlib import Path

from sites import TestSite

from casebridge.core.errors import error_codes
from casebridge.engine import held, views
from casebridge.store.ledger import Message

ACTORS = {"it", "partner", "worker", "privacy", "developer"}


def only_held(site: TestSite) -> Message:
    """The one message that is held."""
    (found,) = held.listed(site.bridge.site)
    row = views.held_one(site.bridge.site, found.id)
    assert row is not None
    assert row.file or found.direction == "out", "whoever must act is told which file it is in"
    return found


def assert_helpful(message: Message, code: str, who: str, *says: str, hides: tuple[str, ...] = ()) -> None:
    """The reason names what and where (``says``) and nothing of a person (``hides``); code, remedy, who must act."""
    assert (message.state, message.code, message.who) == ("held", code, who), message.reason
    assert who in ACTORS
    assert error_codes()[code].title
    assert len(message.remedy) > 20
    for text in says:
        assert text in message.reason, message.reason
    for text in hides:
        assert text not in message.reason + message.remedy


def accounts(site: TestSite, partner: str) -> dict[str, int]:
    """How many records came from a partner, and what became of them; the sum is asserted."""
    records = [m for m in site.messages(direction="in", partner=partner) if m.kind != "payload"]
    found = Counter(m.state for m in records)
    assert sum(found[s] for s in ("done", "held", "skipped", "dropped", "waiting")) == len(records)
    return {"in": len(records), **found}


def store_bytes(folder: Path) -> bytes:
    """Every byte of the closed site's database but the raw payloads, freed pages included."""
    copy = folder / "copy-for-looking.db"
    shutil.copy(folder / "casebridge.db", copy)
    with sqlite3.connect(copy) as db:
        db.execute("PRAGMA secure_delete=ON")
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("DELETE FROM payload_part")
    db.close()
    found = copy.read_bytes()
    copy.unlink()
    return found
