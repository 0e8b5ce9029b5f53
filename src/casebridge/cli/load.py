"""The command that asks a partner for all records of a population at once."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import Progress

from casebridge.app import Bridge, alone
from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, PartnerArgument, bridge_of
from casebridge.cli.printing import err, out, plain, print_json
from casebridge.core.errors import SetupError
from casebridge.core.population import Headway, Population
from casebridge.engine.loading import Loaded, wanted_types
from casebridge.engine.loading import load as load_population


def load(
    partner: PartnerArgument,
    group: Annotated[str, typer.Option(help="Only the members of this Group there, by its id.")] = "",
    everything: Annotated[bool, typer.Option(help="Also what is about no client (organizations, workers).")] = False,
    since: Annotated[str, typer.Option(help="Only what changed since then, 2026-11-01T00:00:00Z.")] = "",
    types: Annotated[str, typer.Option(help="Only these types, Patient,Coverage. Else all that the maps read.")] = "",
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Load all records of a population from a partner (Bulk Data); one that was broken off goes on."""
    with bridge_of(config, changing=True) as bridge:
        if partner not in bridge.site.partners:
            raise SetupError("CB-101", f"there is no partner {partner}", remedy="casebridge.toml names the partners.")
        chosen = bridge.site.partners[partner]
        named = [name.strip() for name in types.split(",") if name.strip()]
        wanted = Population(group, everything, since, wanted_types(chosen, named))
        with _only_one(bridge, partner), _progress(as_json) as tell:
            done = load_population(bridge.site, chosen, wanted, tell)
        worked = _applied(bridge)
    _report(done, worked, as_json)


def _report(done: Loaded, worked: bool, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
        return
    out.print(f"{done.kept} files kept, {done.repeated} came before, {done.refused} held, "
              f"{done.withdrawn} records withdrawn.")  # fmt: skip
    for remark in done.said:
        err.print(plain(remark), style="yellow", soft_wrap=True)
    goes_on = "casebridge files says what became of them." if worked else "casebridge serve goes on with them."
    out.print(goes_on)


def _applied(bridge: Bridge) -> bool:
    """Understand and apply what came, unless a running ``serve`` does."""
    try:
        with alone(bridge):
            bridge.lanes.drain(receive=False)
    except SetupError as error:
        if error.code != "CB-105":
            raise
        return False
    return True


@contextmanager
def _only_one(bridge: Bridge, partner: str) -> Iterator[None]:
    """No second load of the same partner meanwhile."""
    folder = bridge.base / ".casebridge"
    folder.mkdir(exist_ok=True)
    with open(folder / f"load-{partner}.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError("CB-105", f"{partner} is being loaded already", remedy="Wait until it ends.") from None
        yield


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Headway], None]]:
    """A bar on a terminal; elsewhere the few words that are no number."""
    with Progress(console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task("Asking for the export", total=None)
        last = ""

        def tell(headway: Headway) -> None:
            nonlocal last
            bar.update(task, description=headway.message, completed=headway.done, total=headway.of or None)
            if not (headway.of or headway.remark or quiet) and headway.message != last:
                err.print(plain(headway.message), soft_wrap=True)
            last = headway.message

        yield tell
