"""What partners may read at a door of ours, and write to it: their shelves, behind the rules of release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from casebridge.adapter import Link, MovedOn, Shelved, Sought, Wish
from casebridge.core.errors import TryAgain
from casebridge.core.released import Released
from casebridge.engine import at_once
from casebridge.engine.joint import Joint
from casebridge.engine.laying import keys_of, put
from casebridge.engine.preparing import content_of, may_go, outgoing_of, slot_of
from casebridge.engine.release import own, release
from casebridge.engine.site import Partner, Site
from casebridge.engine.together import Told
from casebridge.store import disclosures, ledger, referrals, seeking, shelves
from casebridge.store.database import Connection, StoreTrouble
from casebridge.store.ledger import Message
from casebridge.store.shelves import Place


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request to write."""

    partner: str
    wishes: Sequence[Wish]
    keys: Sequence[Sequence[tuple[str, str]]]  # by which each of them will be found
    sent: at_once.Sent


@dataclass(frozen=True, slots=True)
class _Kept:
    """What became of it: the records as they are now, and what others are to be told of."""

    shelved: list[Shelved]
    told: Told


@contextmanager
def trouble_told() -> Iterator[None]:
    """A door cannot know the store's own errors: it is told to try again."""
    try:
        yield
    except StoreTrouble as trouble:
        raise TryAgain("CB-404", "The database did not do what was asked of it") from trouble


class SiteShelf:
    """The shelves of the partners of one door. Raises TryAgain CB-404 while the database does not answer."""

    def __init__(self, site: Site, door: str) -> None:
        self.site, self.door = site, door
        self._joint = Joint(self._write, site.store.about_to_write)

    @property
    def partners(self) -> Mapping[str, Link]:
        """Partners that are not off, with their links."""
        return {p.name: p.link for p in self.site.partners.values()
                if p.link is not None and p.link.name == self.door and p.mode != "off"}  # fmt: skip

    def now(self) -> datetime:
        """The site's clock."""
        return self.site.clock()

    def read(self, partner: str, type_: str, id_: str, version: int | None = None) -> Shelved | None:
        """A record as it is, or one version of it."""
        with trouble_told(), self.site.store.read() as c:
            found = (shelves.get(c, partner, type_, id_) if version is None
                     else shelves.version(c, partner, type_, id_, version))  # fmt: skip
        return next(iter(self._shown(partner, [found] if found else [])), None)

    def versions(self, partner: str, type_: str, id_: str, limit: int) -> list[Shelved]:
        """Its versions, the newest first."""
        with trouble_told(), self.site.store.read() as c:
            found = shelves.versions(c, partner, type_, id_, limit)
        return self._shown(partner, found)

    def listed(
        self, partner: str, type_: str, sought: Sought, after: tuple[str, str] | None, limit: int
    ) -> tuple[list[Shelved], tuple[str, str] | None]:
        """Current records by their moments, behind ``after``, and where the next list begins."""
        with trouble_told(), self.site.store.read() as c:
            found = seeking.listed(c, partner, type_, sought, Place(*after) if after else None, limit + 1)
        more = (found[limit - 1].at, found[limit - 1].id) if len(found) > limit else None
        return self._shown(partner, found[:limit]), more

    def write(self, partner: str, wishes: Sequence[Wish], payload: bytes, media_type: str) -> list[Shelved]:
        """Apply the payload and lay what it says on the shelf; requests that come at the same time share a commit."""
        try:
            by = self.site.partners[partner]
            keys = [keys_of(by, wish.document) for wish in wishes]
            with trouble_told():
                kept = self._joint(_Asked(partner, wishes, keys, at_once.read(by, payload, media_type)))
        except MovedOn as moved:
            if self.read(partner, moved.type, moved.id) is None:  # of what it may not see it learns no version
                raise MovedOn(moved.type, moved.id, 0) from None
            raise
        for values in kept.told:  # when nobody waits for this commit any more: whoever listens may take its time
            self.site.tell(**values)
        return kept.shelved

    def _write(self, some: Sequence[_Asked]) -> list[_Kept]:
        kept: dict[int, list[shelves.Shelved]] = {}
        told: dict[int, Told] = {}
        with self.site.store.write(one_worker=True) as c:
            for asked in some:
                shelves.load(c, asked.partner, [(wish.type, wish.id) for wish in asked.wishes])
                for wish in asked.wishes:
                    _check(c, asked.partner, wish)
            for name in dict.fromkeys(asked.partner for asked in some):
                by = self.site.partners[name]
                its = [(n, asked) for n, asked in enumerate(some) if asked.partner == name]
                told[its[0][0]] = at_once.apply(c, self.site, by, [asked.sent for _, asked in its])
                for number, asked in its:
                    laid = zip(asked.wishes, asked.keys, strict=True)
                    kept[number] = [_laid(c, self.site, by, wish, keys) for wish, keys in laid]
        owners = [self.site.partners[asked.partner] for asked in some]
        return [_Kept([self._own(by, one) for one in kept[n]], told.get(n, [])) for n, by in enumerate(owners)]

    @contextmanager
    def turn(self, partner: str) -> Iterator[None]:
        """While it lasts nobody else has this partner's turn."""
        with trouble_told(), self.site.store.turn(f"{self.door}/{partner}"):
            yield

    def first_time(self, name: str, until: datetime) -> bool:
        """Is this the first use of what may be used once?"""
        with trouble_told(), self.site.store.write(one_worker=True) as c:
            return shelves.first_time(c, name, self.site.clock(), until)

    def _own(self, partner: Partner, found: shelves.Shelved) -> Shelved:
        released = None if found.document is None else own(self.site, partner, found.document)
        return Shelved(found.type, found.id, found.version, found.at, released)

    def _shown(self, partner: str, found: Sequence[shelves.Shelved]) -> list[Shelved]:
        """What may be shown of it now. What others said is decided anew, and on the books."""
        reader = self.site.partners[partner]
        if not any(one.message for one in found):
            return [self._own(reader, one) for one in found]
        with trouble_told(), self.site.store.write() as c:
            shown = [self._own(reader, one) if not one.message else _again(c, self.site, reader, one) for one in found]
        return [one for one in shown if one is not None]


def may_see(c: Connection, site: Site, partner: Partner, type_: str, id_: str) -> bool:
    """May the partner read this record now? What it says itself it may, and that something was withdrawn."""
    found = shelves.get(c, partner.name, type_, id_)
    return found is not None and (not found.message or _again(c, site, partner, found) is not None)


def _check(c: Connection, partner: str, wish: Wish) -> None:
    there = shelves.get(c, partner, wish.type, wish.id)
    version = there.version if there else 0
    if version != wish.version - 1:
        raise MovedOn(wish.type, wish.id, version)


def _laid(
    c: Connection, site: Site, partner: Partner, wish: Wish, keys: Sequence[tuple[str, str]]
) -> shelves.Shelved:  # fmt: skip
    """The wish as the next version; of two requests that share a commit the second may find that it is not."""
    _check(c, partner.name, wish)
    return put(c, site.now(), partner, wish.type, wish.id, wish.document, keys)


def _again(c: Connection, site: Site, partner: Partner, found: shelves.Shelved) -> Shelved | None:
    """What was delivered once, if all of it might be delivered today; None if not: then it is as if it were not there.

    A withdrawal shows nothing.
    """
    if found.document is None:
        return Shelved(found.type, found.id, found.version, found.at, None)
    message = ledger.get(c, found.message)
    released = _decided(c, site, partner, message) if message else None
    if message is None or released is None or not may_go(message, released):
        return None
    before = disclosures.listed(c, message=message.id, effect="released")
    shrunk = {w.path for w in released.withheld} & {path for row in before[-1:] for path in row["permitted"]}
    if shrunk:
        return None
    shown = released.translated(found.document, released.native_type)
    return Shelved(found.type, found.id, found.version, found.at, shown)


def _decided(c: Connection, site: Site, partner: Partner, message: Message) -> Released | None:
    referral = referrals.get(c, str(message.about.get("referral", "")))
    if referral is None:
        return None
    content = content_of(c, site, partner, message, referral)
    slot = slot_of(message)
    map_ = partner.map_for(slot, content.slice[slot])
    if map_ is None:
        return None
    return release(c, site, outgoing_of(partner, message, referral, map_, content), partner, None)
