"""Agencies beside the one of ``sites``, and routes to several of them: a referral that becomes many."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sites import TestSite

from casebridge.store import referrals
from casebridge.store.referrals import StoredReferral

NAMES = ("north", "south", "west")
AGENCY = """
[partner.{name}]
role = "{role}"
carrier = "folder"
format = "form"
maps = "web-form"
known_as = ["Organization/{name}"]
title = "The {name} agency"
contact = "{name}, 555-0100"
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]
settings = {{ folder = "{name}", quiet_seconds = 0 }}
{more}
"""
ROUTE = """
[[route]]
when = {{ kind = "referral", domain = "employment-status" }}
{to}
"""
SPLIT = 'to = ["north", "south"]\nmode = "split"'
OFFER = 'to = ["north", "south", "west"]\nmode = "offer"'
NEXT = 'to = "north"\nthen = ["south", "west"]'


def settings(folder: Path, to: str, walled: str = "", more: str = "", part2: str = "") -> str:
    """What a site's casebridge.toml says of them; ``walled`` is a victim service provider, ``part2`` a program under
    42 CFR Part 2."""
    for name in NAMES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    roles = {name: "vsp" if name == walled else "cbo" for name in NAMES}
    made = [AGENCY.format(name=n, role=roles[n], more="part2 = true" if n == part2 else "") for n in NAMES]
    return "".join(made) + ROUTE.format(to=to) + more


def on_sqlite(folder: Path) -> Iterator[Callable[..., TestSite]]:
    """What makes a site on SQLite: for what is the same on either database."""
    made: list[TestSite] = []

    def make(**more: str) -> TestSite:
        made.append(TestSite(folder, **more))
        return made[-1]

    yield make
    for site in made:
        site.bridge.close()


def with_agencies(make_site: Callable[..., TestSite], folder: Path, to: str, walled: str = "", **more: str) -> TestSite:
    """A site whose route for work goes to several agencies; ``folder`` is the test's own."""
    said = settings(folder, to, walled, more.pop("more", ""), more.pop("part2", ""))
    return make_site(more=said, **more)


def say(site: TestSite, name: str, answer: str, **more: Any) -> None:
    """An agency answers the referral it got."""
    say_quietly(site, name, answer, **more)
    site.work()


def say_quietly(site: TestSite, name: str, answer: str, **more: Any) -> None:
    """Its answer arrives; nothing is done with it yet."""
    nonce = hashlib.sha256(repr((name, answer, more)).encode()).hexdigest()[:32]
    said = {"referral": child(site, name).id, "answer": answer, "nonce": nonce, **more}
    site.drop_quietly(name, f"{answer}-{nonce[:6]}.json", said)


def parent(site: TestSite) -> StoredReferral:
    """The one referral that its source knows."""
    (only,) = (r for r in site.referrals() if not r.sort)
    return only


def child(site: TestSite, name: str) -> StoredReferral:
    """What an agency got of it."""
    (only,) = (r for r in site.referrals() if r.sort and r.recipient == name)
    return only


def states(site: TestSite) -> dict[str, str]:
    """Where the agencies' referrals stand, and ``all`` of it."""
    found = {str(r.recipient): r.status for r in site.referrals() if r.sort}
    return {"all": parent(site).status, **found}


def reasons(site: TestSite, id_: str) -> list[str]:
    """The reasons on the books of a referral, in order."""
    with site.bridge.site.store.read() as c:
        return [e.document["reason"] for e in referrals.events(c, id_) if e.document.get("reason")]
