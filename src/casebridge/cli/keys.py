"""``casebridge keys``: the keys we sign in with at partners' servers (SMART Backend Services)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer

from casebridge.app import link_of
from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, PartnerArgument
from casebridge.cli.printing import err, out, plain, print_json
from casebridge.config import Config, PartnerTable, read_config
from casebridge.core.errors import SetupError
from casebridge.core.signing_keys import FOLDER, KEPT_AFTER, PUBLISHED_FIRST, SigningKey, SigningKeys
from casebridge.core.steps import SigningIn
from casebridge.web.wording import moment

Environment = Literal["prod", "test"]
Algorithm = Literal["RS384", "ES384"]
AlgorithmOption = Annotated[Algorithm, typer.Option("--alg", help="RS384 (RSA) is taken everywhere.")]
EnvironmentOption = Annotated[
    Environment | None, typer.Option("--environment", help="If not the one casebridge.toml names for the partner.")
]

_STATES = {"next": "published, not used yet,", "current": "in use", "old": "not used any more, still published,"}

app = typer.Typer(no_args_is_help=True, help="The keys we sign in with at partners' FHIR servers.")


@app.callback()
def keys() -> None:
    """The keys we sign in with at partners' FHIR servers: one set for each partner and environment."""


@dataclass(frozen=True, slots=True)
class _Set:
    """One partner's keys in one environment."""

    config: Config
    base: Path
    partner: str
    environment: str

    @property
    def keys(self) -> SigningKeys:
        return SigningKeys.of(self.base, self.partner, self.environment)

    @property
    def name(self) -> str:
        return f"{self.partner} ({self.environment})"

    @property
    def address(self) -> str:
        """Where the partner finds the public keys."""
        web = self.config.web
        outside = web.partners_url.rstrip("/") or f"http://{web.partners}"
        return f"{outside}/jwks/{self.partner}/{self.environment}.json"

    def when(self, at: datetime) -> str:
        return moment(at.isoformat(), ZoneInfo(self.config.site.timezone))


@app.command("new")
def keys_new(
    partner: PartnerArgument, alg: AlgorithmOption = "RS384", environment: EnvironmentOption = None,
    config: ConfigOption = CONFIG,
) -> None:  # fmt: skip
    """Make the first key for a partner, and say what its IT desk needs to know."""
    one = _set(config, partner, environment)
    if one.keys.listed():
        remedy = f"To change it without a gap: casebridge keys rotate {partner}."
        raise SetupError("CB-113", f"{one.name} has a key already", remedy=remedy)
    key = one.keys.make(alg, _now())
    _say(f"The key {key.kid} ({alg}) was made for {one.name}. Its private half is in {FOLDER}/ beside {config.name}: "
         "it belongs to this site alone, and nobody ever needs to be sent it.\n")  # fmt: skip
    _say(f"Now tell the IT desk of {one.partner}:\n"
         f"  1. Our public keys are at {one.address}\n"
         f"  2. Please register us there as a SMART Backend Services client, in your {one.environment} environment,\n"
         "     and map the client id in that environment. Until this is done no token is given to us.\n"
         f"Write the client id they give you into {config.name} as client_id, and run casebridge doctor.")  # fmt: skip
    _warn_unless_reachable(one)


@app.command("rotate")
def keys_rotate(
    partner: PartnerArgument,
    alg: Annotated[Algorithm | None, typer.Option("--alg", help="Of the new key; else as the one in use.")] = None,
    now: Annotated[bool, typer.Option("--now", help="Do not wait until the step is due (a key was lost).")] = False,
    environment: EnvironmentOption = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Change the key in three steps without a gap: each call takes the next one, and says when the one after is due.

    Exit code 1 when the next step is not due yet, or the partner does not know the new key yet.
    """
    one = _set(config, partner, environment)
    if not one.keys.listed():
        raise SetupError("CB-113", f"{one.name} has no key yet", remedy=f"casebridge keys new {partner} makes one.")
    waiting, old = one.keys.one("next"), one.keys.one("old")
    if waiting is None and old is None:
        _publish(one, alg)
    elif waiting is not None:
        _refuse_too_early(one, waiting, now)
        _use(one, waiting, now)
    elif old is not None:
        _refuse_too_early(one, old, now)
        one.keys.withdraw(old)
        _say(f"Step 3 of 3: the old key {old.kid} of {one.name} is withdrawn. The change is complete.")


@app.command("list")
def keys_list(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Every key, what it is for, and which step is due when. Public facts only."""
    site, base = read_config(config), config.resolve().parent
    sets = [_Set(site, base, name, e) for name in site.partner for e in get_args(Environment)]
    sets = [one for one in sets if (base / FOLDER / f"{one.partner}.{one.environment}").is_dir()]
    if as_json:
        print_json([_row(one, key) for one in sets for key in one.keys.listed()])
        return
    for one in sets:
        _say(f"{one.name}: public keys at {one.address}")
        for key in one.keys.listed():
            due = f"; the next step is due from {one.when(key.due)}" if key.due else ""
            _say(f"  {key.kid} ({key.alg}) {_STATES[key.state]} since {one.when(key.since)}{due}")
    if not sets:
        _say("No keys were made. casebridge keys new PARTNER makes the first for a partner.")


@app.command("show")
def keys_show(
    partner: PartnerArgument, environment: EnvironmentOption = None, config: ConfigOption = CONFIG
) -> None:
    """Print the public keys as a JWK Set, for a partner who does not fetch them from our address."""
    one = _set(config, partner, environment)
    if not one.keys.listed():
        raise SetupError("CB-113", f"{one.name} has no key yet", remedy=f"casebridge keys new {partner} makes one.")
    print_json(one.keys.published())


def _row(one: _Set, key: SigningKey) -> dict[str, object]:
    return {
        "partner": one.partner, "environment": one.environment, "key": key.kid, "alg": key.alg, "state": key.state,
        "since": key.since.isoformat(), "due": key.due and key.due.isoformat(), "address": one.address,
    }  # fmt: skip


def _set(config: Path, partner: str, environment: str | None) -> _Set:
    site = read_config(config)
    table: PartnerTable | None = site.partner.get(partner)
    if table is None:
        raise SetupError("CB-101", f"there is no partner {partner}", remedy=f"{config.name} names the partners.")
    return _Set(site, config.resolve().parent, partner, environment or table.environment)


def _publish(one: _Set, alg: Algorithm | None) -> None:
    current = one.keys.one("current")
    key = one.keys.make(alg or (current.alg if current else "RS384"), _now())
    due = one.when(key.since + PUBLISHED_FIRST)
    _say(f"Step 1 of 3: the new key {key.kid} of {one.name} is published beside the one in use; nothing else changed.\n"
         f"If the partner does not fetch our keys from {one.address}, send it what "
         f"casebridge keys show {one.partner} prints, and wait for its word.\n"
         f"Step 2, using it, is due from {due}: casebridge keys rotate {one.partner}")  # fmt: skip


def _use(one: _Set, waiting: SigningKey, now: bool) -> None:
    if not now:
        _refuse_unknown(one, waiting)
    key = one.keys.use(_now())
    due = one.when(key.since + KEPT_AFTER)
    _say(f"Step 2 of 3: {one.name} is signed in to with {key.kid} from now on; no restart is needed.\n"
         f"Step 3, withdrawing the old key, is due from {due}: casebridge keys rotate {one.partner}")  # fmt: skip


def _refuse_unknown(one: _Set, waiting: SigningKey) -> None:
    """A key is used only when the partner gives a token for it; of its other environment nobody can tell."""
    if one.config.partner[one.partner].environment != one.environment:
        return
    link = link_of(one.partner, one.config, one.base)
    try:
        steps = list(link.sign_in_steps(waiting)) if isinstance(link, SigningIn) else []
    finally:
        link.close()
    if failed := [step for step in steps if not step.ok]:
        err.print(plain(f"The new key {waiting.kid} is not used yet, and the old one goes on working: "
                        f"{failed[0].message}\n{failed[0].remedy}"), style="yellow", soft_wrap=True)  # fmt: skip
        raise typer.Exit(1)


def _refuse_too_early(one: _Set, key: SigningKey, now: bool) -> None:
    if key.due and _now() < key.due and not now:
        step = "using the new key" if key.state == "next" else "withdrawing the old key"
        err.print(plain(f"The next step for {one.name}, {step}, is due from {one.when(key.due)}. "
                        "If a key was lost: --now takes it at once."), style="yellow", soft_wrap=True)  # fmt: skip
        raise typer.Exit(1)


def _warn_unless_reachable(one: _Set) -> None:
    if urlsplit(one.address).scheme != "https":
        err.print(plain(f"The partner cannot fetch {one.address}: name the address it reaches us at as partners_url "
                        "under [web], with https."), style="yellow", soft_wrap=True)  # fmt: skip


def _say(text: str) -> None:
    out.print(plain(text), soft_wrap=True)


def _now() -> datetime:
    return datetime.now(UTC)
