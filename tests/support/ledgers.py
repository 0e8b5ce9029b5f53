"""A site with nothing but books, and somebody who can write to them behind its back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from casebridge.core.policy import standard_rules
from casebridge.engine import sealing
from casebridge.engine.chain import Keyring
from casebridge.engine.findings import Finding
from casebridge.engine.site import Site
from casebridge.engine.verifying import Report, verify
from casebridge.store import disclosures, ledger
from casebridge.store.database import Store

KEY, OTHER = b"k" * 32, b"o" * 32
BEGAN = datetime(2026, 11, 2, 9, tzinfo=UTC)


@dataclass(slots=True)
class Books:
    """Notes events, seals them, changes them by hand."""

    url: str
    keys: Keyring = field(default_factory=lambda: Keyring(KEY))
    time: datetime = BEGAN
    site: Site = field(init=False)

    def __post_init__(self) -> None:
        self._open()

    def reopen(self, keys: Keyring) -> None:
        """As after a restart with other keys."""
        self.close()
        self.keys = keys
        self._open()

    def _open(self) -> None:
        self.site = Site("Test", Store(self.url), {}, (), standard_rules(), ledger_keys=self.keys)
        self.site.clock = self.clock

    def clock(self) -> datetime:
        """Each look at the clock is a second later."""
        self.time += timedelta(seconds=1)
        return self.time

    def note(self, *names: str) -> None:
        """Events of these names, one after the other."""
        with self.site.store.write() as c:
            for name in names:
                ledger.note(c, self.site.now(), name)

    def disclose(self, message: str | None = None, effect: str = "released") -> str:
        """A row in the book of disclosures; its id."""
        now = self.site.now()
        with self.site.store.write() as c:
            return disclosures.add(
                c, now, effect=effect, client="C", message=message, correlation="R", recipient="food-bank",
                purpose="referral", permitted=["person.names"], withheld=[], rules=["desk"], accountable=True,
                policy="1", delivered_at=now if message is None and effect == "released" else None)  # fmt: skip

    def deliver(self, message: str) -> None:
        """The message's last release arrived."""
        now = self.site.now()
        with self.site.store.write() as c:
            disclosures.delivered(c, now, [message])
            ledger.note(c, now, "delivered", message=message)

    def seal(self) -> int:
        """What the sealer does every second."""
        return sealing.seal(self.site)

    def blocks(self, *blocks: str) -> None:
        """Each word is sealed by itself: an event for each of its letters."""
        for block in blocks:
            self.note(*block)
            self.seal()

    def tamper(self, *statements: str, **values: Any) -> None:
        """Somebody with a database shell."""
        with self.site.store.engine.begin() as c:
            for statement in statements:
                c.execute(text(statement), values)

    def verify(self, log: Iterable[bytes] = ()) -> Report:
        return verify(self.site, log)

    def found(self, log: Iterable[bytes] = ()) -> list[Finding]:
        """What verify has to say."""
        return self.verify(log).findings.named

    def close(self) -> None:
        self.site.store.close()
