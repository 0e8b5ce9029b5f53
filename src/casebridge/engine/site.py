"""A site: its partners, routes and rules, ready to work. ``app.py`` makes it from casebridge.toml."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from casebridge.adapter import Format, Link
from casebridge.core.event import Event
from casebridge.core.policy import Rules
from casebridge.engine.calendar import Calendar
from casebridge.engine.chain import Keyring
from casebridge.engine.deadlines import Rule, standard_rules
from casebridge.engine.retrying import STANDARD, Delivery
from casebridge.logs import NOT_NAMED
from casebridge.mapping import Map, MapSet
from casebridge.store.database import Store, iso
from casebridge.store.retention import Policy

DUTY = "duty-queue"
"""The recipient of alarms by mail, where the site has one."""
MAY_REFER = frozenset({"covered_entity", "business_associate", "cbo", "school", "government"})
"""Roles whose unknown referral starts one of ours; an HMIS or a payer only answers (case model, section 3)."""


@dataclass(frozen=True, slots=True)
class Partner:
    """An outside organization we exchange with, its adapter made and its maps loaded."""

    name: str
    role: str
    format: Format
    link: Link | None
    maps: MapSet
    title: str = ""
    mode: Literal["off", "dry-run", "live"] = "live"
    environment: Literal["prod", "test"] = "prod"
    applies_to: Literal["all", "roster"] = "all"
    dispatch: str = "each"  # each | on-demand | HH:MM in the site's zone
    answers_on_form: bool = False
    part2: bool = False
    vsp: bool = False
    agreements: tuple[Mapping[str, Any], ...] = ()  # kind, until
    known_as: tuple[str, ...] = ()  # how others refer to it in consents and owners (Organization/food-bank)
    acts_for: str = ""  # the partner whose referrals this one is told about (a planning desk)
    contact: str = ""  # who to call, in words
    max_bytes: int = 4 * 1024**3
    delivery: Delivery = STANDARD

    @property
    def shapes(self) -> dict[str, dict[str, Any]]:
        """Each map's ``shape:`` by native type, for the format."""
        return self.maps.shapes

    def map_for(self, kind: str, record: Mapping[str, Any] | None = None) -> Map | None:
        """The map that writes this record of a kind, or any of it; one made for the kind before one that adds to it.

        None also for a format that writes no files: its maps may go both ways all the same.
        """
        found = self.maps.writing(kind, record) if "render" in self.format.capabilities else []
        return min(found, key=lambda m: m.case.index(kind), default=None)

    def quiet(self, id_: str) -> str:
        """How the ledger calls one of its ids before we know whether the person is ours.

        Of a roster partner only a digest stands there: whoever is nobody's client here leaves no name or number.
        """
        if self.applies_to == "all" or not id_:
            return id_
        return hashlib.sha256(f"{self.name}\0{id_}".encode()).hexdigest()[:32]

    def agreements_on(self, day: str) -> frozenset[str]:
        """Kinds of agreement in force on a day (YYYY-MM-DD): an expired one is as good as none."""
        return frozenset(a["kind"] for a in self.agreements if str(a.get("until", "9999")) >= day)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a referral (``domain``, ``category``) or a change (``change``) goes; ``also`` are told what they have
    room for.

    Several in ``to``: each gets a part of it (``split``), or whoever accepts first has it (``offer``). ``then`` are
    asked, one after the other, when one of them declined it or could not bring it to an end. ``skip_full``: nobody is
    asked who says that there is no room.
    """

    kind: str
    to: tuple[str, ...]
    also: tuple[str, ...] = ()
    source: str = ""
    domain: str = ""
    category: str = ""
    change: str = ""
    set_category: str = ""
    mode: Literal["", "split", "offer"] = ""
    then: tuple[str, ...] = ()
    skip_full: bool = False

    @property
    def makes_children(self) -> bool:
        """Is the referral a parent of what its recipients get?"""
        return bool(self.mode or self.then)

    def fits(self, **facts: str | None) -> bool:
        """All conditions the route names hold."""
        named = {name: getattr(self, name) for name in ("kind", "source", "domain", "category", "change")}
        return all(not wanted or facts.get(name) == wanted for name, wanted in named.items())


@dataclass(slots=True)
class Site:
    """Everything the five stops need."""

    name: str
    store: Store
    partners: dict[str, Partner]
    routes: tuple[Route, ...]
    rules: Rules
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    treatment_switch: Literal["treatment", "consent"] = "consent"
    coverage_switch: Literal["plan-connected", "consent"] = "plan-connected"
    partners_url: str = "http://127.0.0.1:8420"
    console_url: str = "http://127.0.0.1:8421"
    token_days: int = 14
    ledger_keys: Keyring = field(default_factory=Keyring)
    retention: Policy = field(default_factory=Policy)
    calendar: Calendar = field(default_factory=Calendar)
    alarm_rules: Mapping[str, Rule] = field(default_factory=standard_rules)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    notify: Callable[[Event], None] = lambda event: None

    def now(self) -> str:
        """The stored form of this moment."""
        return iso(self.clock())

    def today(self) -> str:
        """The date in the site's zone."""
        return self.day_of(self.now())

    def day_of(self, moment: str) -> str:
        """The date of a stored moment in the site's zone."""
        return datetime.fromisoformat(moment).astimezone(self.timezone).date().isoformat()

    def due(self, partner: Partner) -> str:
        """When a message made now leaves for this partner."""
        if partner.dispatch == "on-demand":
            return "9999"
        if partner.dispatch == "each":
            return self.now()
        local = self.clock().astimezone(self.timezone)
        leaves = datetime.combine(local.date(), time.fromisoformat(partner.dispatch), tzinfo=self.timezone)
        return iso(leaves if leaves > local else leaves + timedelta(days=1))

    @property
    def walled(self) -> frozenset[str]:
        """Partners that are not named with what goes to them: whoever is seen with one is a victim of violence, or in
        treatment (34 U.S.C. 12291(b)(2); 42 CFR 2.12)."""
        return frozenset(name for name, partner in self.partners.items() if partner.vsp or partner.part2)

    def tell(self, name: str, **values: Any) -> None:
        """Tell the observers, after the commit. Of a walled partner they hear whether it can be reached, by its name,
        and what goes there without it, and without the referral."""
        if "stop" in values and values.get("partner") in self.walled and not name.startswith("circuit-"):
            values = {key: value for key, value in values.items() if key != "correlation"} | {"partner": NOT_NAMED}
        self.notify(Event(name=name, at=self.clock(), **values))
