"""``casebridge.toml``: read, checked, and what is wrong said with its place and remedy. Secrets are never in it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
from datetime import date, timedelta
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)  # fmt: skip

from casebridge.core.errors import SetupError
from casebridge.core.schema import codes_of, has_place
from casebridge.engine.retrying import STANDARD
from casebridge.store.leases import PARTS

Role = Literal[
    "covered_entity", "business_associate", "cbo", "hmis_lead", "payer", "vsp", "school", "government",
]  # fmt: skip


def _short(name: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a partner's name has at most {LONGEST_NAME} characters, all of them visible")
    return name


LONGEST_NAME = 60
"""It stands in the columns and the lanes' names of the store beside other words."""
PartnerName = Annotated[str, AfterValidator(_short)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _named_outside(key: str) -> str:
    if key and not key.startswith(("file:", "env:")):
        raise ValueError('a key never stands in this file: write "file:PATH" or "env:NAME"')
    return key


class SiteTable(_Table):
    """``[site]``"""

    name: str
    timezone: str = "UTC"
    duty_queue: str = ""  # an address that is told of alarms
    duty_mail: dict[str, Any] = Field(default={}, repr=False)  # settings of the link mail: host, sender ...
    treatment: Literal["treatment", "consent"] = "consent"
    coverage: Literal["plan-connected", "consent"] = "plan-connected"

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("not the name of a time zone, such as America/New_York") from None
        return value


class StoreTable(_Table):
    """``[store]``"""

    url: str = "sqlite:///casebridge.db"
    keys: str = Field(default="", repr=False)  # what documents are closed with: file:PATH or env:NAME

    max_size: str = ""  # above it the site is warned

    @field_validator("max_size")
    @classmethod
    def _size(cls, value: str) -> str:
        size(value)
        return value

    @field_validator("keys")
    @classmethod
    def _outside(cls, value: str) -> str:
        return _named_outside(value)


_KEPT = re.compile(r"(\d{1,5})\s*(d|w|y)")
_DAYS = {"d": 1, "w": 7, "y": 366}
SIX_YEARS = 6 * 366
"""Days that an account of disclosures reaches back (45 CFR 164.528(a)), leap years included."""


class RetentionTable(_Table):
    """``[retention]``: after how long what is over with is erased; what is not named is kept."""

    payloads: str = ""  # originals as they came, and files as they were sent
    messages: str = ""
    events: str = ""
    disclosures: str = ""

    @field_validator("*")
    @classmethod
    def _span(cls, value: str) -> str:
        days(value)
        return value

    @model_validator(mode="after")
    def _in_order(self) -> RetentionTable:
        if self.disclosures and days(self.disclosures) < SIX_YEARS:
            raise ValueError('disclosures: a client may ask who got their records for six years: write "6y" or more')
        kept = [days(getattr(self, name)) or 10**6 for name in ("payloads", "messages", "disclosures")]
        if kept != sorted(kept):
            raise ValueError("payloads may not be kept longer than messages, nor messages longer than disclosures")
        if self.disclosures and not self.events:
            raise ValueError("disclosures: name events, too, for the ledger says of each disclosure that it is there")
        return self


def days(span: str) -> int:
    """``90d``, ``12w`` or ``6y`` in days, 0 for nothing; raises ValueError when it is nothing of the kind."""
    found = _KEPT.fullmatch(span.strip())
    if span and not (found and int(found[1])):
        raise ValueError('expected a time such as "90d", "12w" or "6y"')
    return int(found[1]) * _DAYS[found[2]] if found else 0


_SIZE = re.compile(r"(\d{1,6})\s*(MB|GB|TB)")
_BYTES = {"MB": 1024**2, "GB": 1024**3, "TB": 1024**4}


def size(text: str) -> int:
    """``20GB`` in bytes, 0 for nothing; raises ValueError when it is nothing of the kind."""
    found = _SIZE.fullmatch(text.strip())
    if text and not found:
        raise ValueError('expected a size such as "500MB" or "20GB"')
    return int(found[1]) * _BYTES[found[2]] if found else 0


class LedgerTable(_Table):
    """``[ledger]``: the key that seals it (``file:PATH`` or ``env:NAME``), and those that sealed before."""

    key: str = Field(default="", repr=False)
    old_keys: tuple[str, ...] = Field(default=(), repr=False)

    @field_validator("key", "old_keys")
    @classmethod
    def _outside(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for each in (value,) if isinstance(value, str) else value:
            _named_outside(each)
        return value


class WorkTable(_Table):
    """``[work]``: how much is done at once in one process."""

    threads: int = Field(default=4, ge=1, le=64)


class LogTable(_Table):
    """``[log]``: how much is said on stderr; the environment's CASEBRIDGE_LOG comes first."""

    level: Literal["debug", "info", "warning", "error"] = "info"


Days = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")


class CalendarTable(_Table):
    """``[calendar]``: when somebody is at work."""

    days: tuple[Days, ...] = Field(default=("mon", "tue", "wed", "thu", "fri"), min_length=1)
    hours: str = "08:00-17:00"
    holidays: Literal["us-federal", "none"] = "us-federal"
    closed: tuple[date, ...] = ()

    @field_validator("hours")
    @classmethod
    def _from_to(cls, value: str) -> str:
        opens, closes = minutes(value)
        if opens >= closes:
            raise ValueError('hours begin before they end, such as "08:00-17:00"')
        return value


def minutes(hours: str) -> tuple[int, int]:
    """``08:00-17:00`` as minutes after midnight; raises ValueError when it is nothing of the kind."""
    found = _CLOCK.fullmatch(hours)
    if not found:
        raise ValueError('expected hours such as "08:00-17:00" or "00:00-24:00"')
    begin, begin_minute, end, end_minute = (int(part) for part in found.groups() if part)
    return begin * 60 + begin_minute, end * 60 + end_minute


class WebTable(_Table):
    """``[web]``: two listeners that never share a port."""

    partners: str = "127.0.0.1:8420"
    console: str = "127.0.0.1:8421"
    partners_url: str = ""  # how partners reach the first from outside, for links in e-mails
    poll_seconds: float = Field(default=15, gt=0)
    processes: int = Field(default=1, ge=1, le=16)  # that answer partners; the lanes are in the first one


class AgreementTable(_Table):
    """One of ``agreements``."""

    kind: Literal["BAA", "QSOA", "DUA"]
    until: str

    @field_validator("until", mode="before")
    @classmethod
    def _date(cls, value: Any) -> str:
        return str(value)


_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _span(value: Any) -> timedelta:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError('expected a time such as "30s", "5m", "72h" or "3d"')
    return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])


Span = Annotated[timedelta, BeforeValidator(_span)]


class DeliveryTable(_Table):
    """``[partner.NAME.delivery]``: how often a partner is tried, and how much at once."""

    first_wait: Span = Field(default=STANDARD.first_wait, ge=timedelta(seconds=0.1))
    longest_wait: Span = Field(default=STANDARD.longest_wait, le=timedelta(days=1))
    give_up_after: Span = Field(default=STANDARD.give_up_after, le=timedelta(days=30))
    window: int | None = Field(default=None, ge=1, le=1000)
    parallel: int | None = Field(default=None, ge=1, le=PARTS)
    rate: float | None = Field(default=None, gt=0, le=10_000)

    @model_validator(mode="after")
    def _grow(self) -> DeliveryTable:
        if not self.first_wait <= self.longest_wait <= self.give_up_after:
            raise ValueError("first_wait may not be longer than longest_wait, nor that than give_up_after")
        return self


class PartnerTable(_Table):
    """``[partner.NAME]``"""

    role: Role
    title: str = ""
    mode: Literal["off", "dry-run", "live"] = "live"
    environment: Literal["prod", "test"] = "prod"
    carrier: str
    format: str = ""
    maps: str = ""
    applies_to: Literal["all", "roster"] = "all"
    dispatch: str = Field(default="each", pattern=r"^(each|on-demand|([01]\d|2[0-3]):[0-5]\d)$")
    agreements: tuple[AgreementTable, ...] = ()
    known_as: tuple[str, ...] = ()
    acts_for: str = ""
    contact: str = ""
    part2: bool = False
    vsp: bool = False
    max_bytes: int = Field(default=4 * 1024**3, gt=0)
    delivery: DeliveryTable = DeliveryTable()
    settings: dict[str, Any] = Field(default={}, repr=False)
    format_settings: dict[str, Any] = Field(default={}, repr=False)
    door_settings: dict[str, Any] = Field(default={}, repr=False)


class WhenTable(_Table):
    """``when`` of a route."""

    kind: Literal["referral", "participation"]
    source: str = ""
    domain: str = ""
    category: str = ""
    change: str = ""


class RouteTable(_Table):
    """One ``[[route]]``."""

    when: WhenTable
    to: Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
    mode: Literal["", "split", "offer"] = ""  # of several: each does a part, or the first who accepts has it
    then: tuple[str, ...] = ()  # who is asked next, when it was declined or could not be done
    skip_full: bool = False  # nobody is asked whose programs say that there is no room
    also: tuple[str, ...] = ()
    category: str = ""  # the service this route stands for, where the sender's code does not say

    @model_validator(mode="after")
    def _several(self) -> RouteTable:
        names = (*self.to, *self.then)
        if not self.to or len(set(names)) < len(names):
            raise ValueError("to and then name each recipient once, and to at least one")
        if len(self.to) > 1 and not self.mode and self.when.kind == "referral":
            raise ValueError('several in to: write mode = "split" (each does a part) or "offer" (one accepts it)')
        if (self.mode or self.then) and self.when.kind != "referral":
            raise ValueError("mode and then are for referrals")
        return self


class Config(_Table):
    """The whole file."""

    site: SiteTable
    store: StoreTable = StoreTable()
    ledger: LedgerTable = LedgerTable()
    retention: RetentionTable = RetentionTable()
    calendar: CalendarTable = CalendarTable()
    alarms: dict[str, str] = {}  # kind -> "4 business hours" or "off"
    web: WebTable = WebTable()
    work: WorkTable = WorkTable()
    log: LogTable = LogTable()
    partner: dict[PartnerName, PartnerTable] = {}
    route: tuple[RouteTable, ...] = ()


def read_config(path: Path) -> Config:
    """The checked configuration; SetupError CB-101 names every wrong entry."""
    try:
        _refuse_if_anyone_can_write(path)
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "Run casebridge init to write one, or name it with --config."
        raise SetupError("CB-101", f"there is no {path}", remedy=remedy) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise SetupError("CB-101", f"{path.name} is not TOML: {e}") from None
    try:
        config = Config.model_validate(data)
    except ValidationError as e:
        raise SetupError("CB-101", f"{path.name}: {explain(e)}") from None
    _check_names(config, path.name)
    return config


def mark_of(path: Path) -> str:
    """A digest of what the file says and of this release: processes of one ``serve`` have the same."""
    return hashlib.sha256(f"{version('casebridge')}\n".encode() + path.read_bytes()).hexdigest()


def _refuse_if_anyone_can_write(path: Path) -> None:
    if path.stat().st_mode & stat.S_IWOTH:
        remedy = f"Take the right away (chmod o-w {path}), look at what is in it, and start again."
        raise SetupError("CB-101", f"anyone on this machine can write to {path}", remedy=remedy)


def explain(error: ValidationError, prefix: str = "") -> str:
    """Every problem of a pydantic model in words: entry, what is wrong."""
    plain = {"missing": "is required", "extra_forbidden": "there is no such entry"}
    return "; ".join(
        ".".join(filter(None, [prefix, *map(str, e["loc"])]))
        + f": {plain.get(e['type'], e['msg'].removeprefix('Value error, '))}"
        for e in error.errors(include_url=False, include_input=False)
    )


def resolve_secrets(value: Any, base: Path, entry: str) -> Any:
    """``env:NAME`` and ``file:PATH`` replaced by what they name, at any depth; SetupError CB-104 when it is not there,
    or empty: a secret of no characters would let everybody in.

    ``entry`` is where the value stands in casebridge.toml.
    """
    if isinstance(value, dict):
        return {k: resolve_secrets(v, base, f"{entry}.{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [resolve_secrets(v, base, f"{entry}.{i}") for i, v in enumerate(value)]
    if isinstance(value, str) and value.startswith("env:"):
        if value[4:] not in os.environ:
            raise SetupError("CB-104", f"{entry}: the environment variable {value[4:]} is not set")
        return _not_empty(os.environ[value[4:]], f"{entry}: the environment variable {value[4:]} is empty")
    if isinstance(value, str) and value.startswith("file:"):
        try:
            secret = (base / value[5:]).read_text(encoding="utf-8").strip()
        except OSError as e:
            raise SetupError("CB-104", f"{entry}: the secret file {value[5:]} cannot be read ({e.strerror})") from None
        return _not_empty(secret, f"{entry}: the secret file {value[5:]} is empty")
    return value


def _not_empty(secret: str, otherwise: str) -> str:
    if not secret:
        raise SetupError("CB-104", otherwise)
    return secret


def _check_names(config: Config, file: str) -> None:
    known = set(config.partner)
    for number, route in enumerate(config.route, 1):
        for name in (*route.to, *route.then, *route.also):
            if name not in known:
                raise SetupError("CB-101", f"{file}: route {number} goes to {name}, which is no partner")
    for number, route in enumerate(config.route, 1):
        if route.when.domain and not has_place(f"need.domain={route.when.domain}"):
            near = get_close_matches(route.when.domain, codes_of("need.domain"), n=1)
            mean = f"; did you mean {near[0]}?" if near else ""
            raise SetupError("CB-101", f"{file}: route {number}: {route.when.domain} is no domain of need{mean}")
    for name, partner in config.partner.items():
        if partner.acts_for and partner.acts_for not in known:
            raise SetupError("CB-101", f"{file}: partner.{name}.acts_for: {partner.acts_for} is no partner")
