"""The composition root: casebridge.toml becomes a Bridge. Nothing else puts the parts together."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from casebridge.adapter import Context, Link
from casebridge.config import Config, PartnerTable, days, explain, mark_of, minutes, read_config, resolve_secrets, size
from casebridge.core.errors import MapError, SetupError
from casebridge.core.notes import Notes, Scratch
from casebridge.core.policy import standard_rules
from casebridge.engine import relocating, upkeep
from casebridge.engine.calendar import WEEK, Calendar
from casebridge.engine.chain import Keyring
from casebridge.engine.deadlines import rules_of
from casebridge.engine.doorway import SiteDoorway
from casebridge.engine.embedded import Embedded
from casebridge.engine.lanes import Lanes
from casebridge.engine.noting import StoredNotes
from casebridge.engine.port import Engine
from casebridge.engine.pulse import EVERY, Pulse
from casebridge.engine.reloading import MapWatch
from casebridge.engine.retrying import Delivery
from casebridge.engine.site import DUTY, Partner, Route, Site
from casebridge.engine.worker import Worker
from casebridge.mapping import MapSet, load_set, map_files, with_converters
from casebridge.mapping.checking import Proved, admit
from casebridge.plugins import Registry, load_plugins
from casebridge.store import circuits, level
from casebridge.store.database import Store, StoreTrouble
from casebridge.store.retention import Policy
from casebridge.store.sealed import Key, Sealed, read_keys

PROVED = Path(".casebridge") / "proved-maps.csv"  # which of the site's own maps were proved


@dataclass(slots=True)
class Bridge:
    """A site ready to work: its lanes, and the doors its partners may use."""

    config: Config
    site: Site
    lanes: Lanes
    registry: Registry
    base: Path
    doors: dict[str, Any]
    pulse: Pulse
    path: Path
    mark: str  # of the configuration that it was made of

    def close(self) -> None:
        """Let go of links and the database."""
        with suppress(StoreTrouble):  # the others find it by its silence
            self.pulse.end()
        self.lanes.close()
        for partner in self.site.partners.values():
            if partner.link is not None:
                partner.link.close()
        self.site.store.close()


def open_bridge(
    path: Path, *, looking: bool = False, engine: Callable[[Worker], Engine] | None = None
) -> Bridge:
    """The bridge that ``path`` describes; SetupError or MapError say what to mend.

    ``looking``: only for a look at the books. Maps that are not in order are left out then, and ``lanes.map_problems``
    says so: a running ``serve`` goes on with the old ones, and nobody shall be without a view of it meanwhile.
    """
    config, mark, base = read_config(path), mark_of(path), path.resolve().parent
    zone = ZoneInfo(config.site.timezone)
    registry = load_plugins(base / "plugins")
    proved = Proved(base / PROVED)
    watch = MapWatch(base / "mappings", _sound_maps(registry, base, proved, zone))  # first: no change is missed

    def maps_of(partner: str, name: str) -> MapSet:
        try:
            return _maps(name, registry, [base / "mappings", *registry.map_folders], proved, zone)
        except MapError as error:
            if not looking:
                raise
            watch.problems[partner] = f"{error.message} ({error.code})"
            return MapSet(name, ())

    tables, store = {**config.partner, **_duty(config)}, open_store(config, base)
    try:
        partners = {n: _partner(n, table, config, registry, base, maps_of, store) for n, table in tables.items()}
    except BaseException:
        store.close()
        raise
    if DUTY in partners:
        partners[DUTY] = replace(partners[DUTY], role="site")  # our own workforce
    site = Site(
        name=config.site.name, store=store, partners=partners,
        routes=tuple(_routes(config)), rules=standard_rules(), timezone=zone,
        treatment_switch=config.site.treatment, coverage_switch=config.site.coverage,
        partners_url=_partners_url(config),
        console_url=f"http://{config.web.console}", notify=registry.notify,
        ledger_keys=_ledger_keys(config, base), retention=_retention(config), calendar=_calendar(config),
        alarm_rules=rules_of(config.alarms))  # fmt: skip
    lanes = Lanes(site, watch, engine or _engine(config, site.store.url), poll=config.web.poll_seconds)
    pulse = Pulse(site, lanes.worker.name, lambda: lanes.trouble)
    lanes.worker.work = pulse.watched(lanes.worker.work)
    lanes.every(EVERY, "beat", pulse.beat, everywhere=True)
    for name, seconds, job in upkeep.JOBS:
        lanes.every(seconds, name, pulse.job(name, partial(job, site)))
    return Bridge(config, site, lanes, registry, base, _doors(config, lanes, registry, base), pulse, path, mark)


def _sound_maps(
    registry: Registry, base: Path, proved: Proved, zone: ZoneInfo
) -> Callable[[str, frozenset[str]], MapSet]:  # fmt: skip
    """Reads a set of maps anew; MapError for the first thing that is wrong. What is in use was proved before."""
    folders = [base / "mappings", *registry.map_folders]

    def load(name: str, _used: frozenset[str]) -> MapSet:
        return _maps(name, registry, folders, proved, zone)

    return load


def load_unused_maps(bridge: Bridge) -> list[str]:
    """The site's own sets of maps that no partner uses, each read to see that it is in order; MapError if not."""
    folder, used = bridge.base / "mappings", {p.maps.name for p in bridge.site.partners.values()}
    there = {path.stem for path in map_files(folder)} | {path.name for path in folder.glob("*") if path.is_dir()}
    folders = [folder, *bridge.registry.map_folders]
    unused = [name for name in sorted(there) if name not in used and not any(u.startswith(f"{name}/") for u in used)]
    proved, zone = Proved(bridge.base / PROVED), bridge.site.timezone
    return [_maps(name, bridge.registry, folders, proved, zone).name for name in unused if _has_maps(folder, name)]


def _maps(name: str, registry: Registry, folders: list[Path], proved: Proved, zone: ZoneInfo) -> MapSet:
    """A set of maps, loaded and proved; MapError for the first thing that is wrong."""
    maps = load_set(name, folders, converters=with_converters(registry.converters.values(), zone))
    admit(maps, registry.natives, proved, shipped=registry.map_folders)
    return maps


def _has_maps(folder: Path, name: str) -> bool:
    return bool(map_files(folder / name)) or (folder / f"{name}.yaml").is_file()


@contextmanager
def alone(bridge: Bridge, *, anyhow: bool = False) -> Iterator[None]:
    """Hold the store for one ``serve``: a second on the same SQLite file is refused (SetupError CB-105)."""
    if not anyhow:
        relocating.here(bridge.site)
    url = bridge.site.store.url
    if not url.startswith("sqlite:///"):
        yield
        return
    with open(url.removeprefix("sqlite:///") + ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError("CB-105", "another casebridge is already serving this store") from None
        if not anyhow:
            with bridge.site.store.write() as c:
                circuits.nobody_tries(c, bridge.site.now())
        yield


def _partner(
    name: str, table: PartnerTable, config: Config, registry: Registry, base: Path,
    maps_of: Callable[[str, str], MapSet], store: Store,
) -> Partner:  # fmt: skip
    context = _context(name, config, base, StoredNotes(store, name))
    carrier = registry.link(table.carrier)
    format_ = registry.format(table.format or getattr(carrier, "default_format", table.carrier))
    return Partner(
        name=name, role=table.role, title=table.title or name, mode=table.mode, environment=table.environment,
        format=_made(f"partner.{name}.format_settings", format_, table.format_settings, context, base),
        link=_made(f"partner.{name}.settings", carrier, table.settings, context, base),
        maps=maps_of(name, table.maps or table.format or table.carrier),
        applies_to=table.applies_to, dispatch=table.dispatch, answers_on_form=table.carrier in registry.doors,
        agreements=tuple(a.model_dump() for a in table.agreements), known_as=table.known_as,
        acts_for=table.acts_for, contact=table.contact, part2=table.part2, vsp=table.vsp or table.role == "vsp",
        max_bytes=table.max_bytes, delivery=Delivery(**table.delivery.model_dump()))  # fmt: skip


def link_of(name: str, config: Config, base: Path) -> Link:
    """One partner's link and nothing else of the site, for a command that needs no books."""
    table, context = config.partner[name], _context(name, config, base, Scratch())
    carrier = load_plugins(base / "plugins").link(table.carrier)
    made: Link = _made(f"partner.{name}.settings", carrier, table.settings, context, base)
    return made


def _context(name: str, config: Config, base: Path, notes: Notes) -> Context:
    environment = config.partner[name].environment if name in config.partner else "prod"
    return Context(partner=name, environment=environment, timezone=config.site.timezone, base_dir=str(base),
                   partners_url=_partners_url(config), notes=notes)  # fmt: skip


def _partners_url(config: Config) -> str:
    return config.web.partners_url or f"http://{config.web.partners}"


def _made(entry: str, adapter: Any, settings: dict[str, Any], context: Context, base: Path) -> Any:
    try:
        checked = adapter.Settings.model_validate(resolve_secrets(settings, base, entry))
    except ValidationError as e:
        raise SetupError("CB-101", explain(e, entry)) from None
    return adapter(checked, context)


def _engine(config: Config, url: str) -> Callable[[Worker], Engine]:
    """Who works when: ``store.url`` alone says it."""
    threads = config.work.threads
    if url.startswith("sqlite"):
        return lambda worker: Embedded(worker, threads)
    from casebridge.engine.procrastinate import Procrastinate  # an extra: SQLite works without it

    return lambda worker: Procrastinate(worker, threads)


def _duty(config: Config) -> dict[str, PartnerTable]:
    """The recipient of alarms by mail; none without the settings of a mail server."""
    if DUTY in config.partner:
        raise SetupError("CB-101", f"partner.{DUTY}: this name is taken by [site] duty_queue")
    if not (config.site.duty_queue and config.site.duty_mail):
        return {}
    mail = {"subject": "CaseBridge: something needs attention", **config.site.duty_mail, "to": config.site.duty_queue}
    return {DUTY: PartnerTable(
        role="business_associate", title="Duty queue", carrier="mail", format="notice", maps="alarm", settings=mail,
        format_settings={"console_url": f"http://{config.web.console}"})}  # fmt: skip


def _calendar(config: Config) -> Calendar:
    """When somebody is at work."""
    table, (opens, closes) = config.calendar, minutes(config.calendar.hours)
    return Calendar(
        zone=ZoneInfo(config.site.timezone), weekdays=frozenset(map(WEEK.index, table.days)), opens=opens,
        closes=closes, federal=table.holidays == "us-federal", closed=frozenset(table.closed))  # fmt: skip


def _retention(config: Config) -> Policy:
    spans = {name: days(span) for name, span in config.retention.model_dump().items()}
    return Policy(**spans, max_size=size(config.store.max_size))


def _ledger_keys(config: Config, base: Path) -> Keyring:
    """The keys of the ledger's seals, from outside; SetupError CB-104 or CB-131."""
    named = {"key": config.ledger.key, "old_keys": list(config.ledger.old_keys)}
    found = resolve_secrets(named, base, "ledger")
    if config.ledger.key and not found["key"]:
        raise SetupError("CB-131", f"ledger.key: {config.ledger.key} is empty")
    return Keyring(found["key"].encode(), tuple(key.encode() for key in found["old_keys"]))


def _routes(config: Config) -> Iterator[Route]:
    for table in config.route:
        when = table.when
        yield Route(
            kind=when.kind, to=table.to, also=table.also, source=when.source, domain=when.domain,
            category=when.category, change=when.change, set_category=table.category, mode=table.mode,
            then=table.then, skip_full=table.skip_full)  # fmt: skip


def _doors(config: Config, lanes: Lanes, registry: Registry, base: Path) -> dict[str, Any]:
    """A router for each door some partner uses."""
    routers = {}
    for name, partner in config.partner.items():
        for door in {partner.carrier, *getattr(registry.link(partner.carrier), "doors", ())} & registry.doors.keys():
            if door in routers:
                continue
            context = Context(partner=name, timezone=config.site.timezone, base_dir=str(base))
            settings = partner.door_settings if door == partner.carrier or partner.carrier not in registry.doors else {}
            made = _made(f"partner.{name}.door_settings", registry.door(door), settings, context, base)
            routers[door] = made.router(SiteDoorway(lanes.site, door, lanes.wake, lanes.bell.ring))
    return routers


def open_store(config: Config, base: Path) -> Store:
    """The books, with the keys they lie under; SetupError CB-104, CB-133, CB-134, CB-140 or CB-141."""
    named, url = config.store.keys, resolve_secrets(config.store.url, base, "store.url")

    def keys() -> tuple[Key, ...]:
        return read_keys(resolve_secrets(named, base, "store.keys"))

    return level.opened(store_url(url, base), Sealed(keys(), keys) if named else None)


def store_url(url: str, base: Path) -> str:
    """A relative SQLite path starts at the folder of casebridge.toml."""
    file = url.removeprefix("sqlite:///")
    return f"sqlite:///{base / file}" if url.startswith("sqlite:///") and not Path(file).is_absolute() else url
