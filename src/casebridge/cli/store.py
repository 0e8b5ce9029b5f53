"""``casebridge store``: the books themselves: the keys they lie under, their size, where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import Progress

from casebridge.app import Bridge, alone, store_url
from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import counted, err, out, plain, print_json, print_rows
from casebridge.config import resolve_secrets
from casebridge.core.errors import SetupError
from casebridge.engine import rekeying, relocating
from casebridge.store import level, sizes
from casebridge.store.box import PLAIN
from casebridge.store.database import Store
from casebridge.store.sealed import new_line
from casebridge.web.wording import moment, size

WHERE_TO = "Name an empty database that runs: --to file:PATH, in it postgresql://user:password@host/database."

app = typer.Typer(no_args_is_help=True, help="The store: its keys, its size, its place.")


@app.callback()
def store() -> None:
    """The store: its keys, its size, its place."""


@app.command("new-key")
def store_new_key() -> None:
    """Print a line for the file that store.keys names. Put it first: what is first closes, the others only open."""
    out.print(new_line(), soft_wrap=True)


@app.command("rekey")
def store_rekey(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Bring everything under the first key while the gateway works on. It may be broken off and begun again.

    Exit code 1 while rows still lie under another key.
    """
    with bridge_of(config, looking=True, changing=True) as bridge, progress("Closing documents", as_json) as tell:
        done, first = rekeying.rekey_all(bridge.site, tell), bridge.site.store.box.keys[0]
    if as_json:
        print_json(asdict(done))
    else:
        under = "open" if first == PLAIN else f"under the key {first}"
        out.print(f"{counted(done.documents, 'document')} and the identifiers of {counted(done.persons, 'person')} "
                  f"went over; they lie {under} now.", soft_wrap=True)  # fmt: skip
        for line in _left(done):
            err.print(plain(line), style="yellow", soft_wrap=True)
        if not done.left:
            out.print("Nothing is left under any other key: their lines may be taken away.")
    raise typer.Exit(1 if done.left else 0)


def _left(done: rekeying.Moved) -> Iterator[str]:
    why = "" if done.passed_over else ": a process at work does not know the new key yet. Run it again"
    yield from (f"Some rows still lie under {id_}{why}." for id_ in done.left)
    for partner in done.passed_over if done.left else ():
        yield (f"The shelf of {partner} stays as it is: casebridge.toml does not name this partner, or names a format "
               'that cannot be searched. Name it as it was (mode = "off" will do) and run it again.')  # fmt: skip


@app.command("size")
def store_size(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """How much room the store takes, by table, and how old the oldest payload is."""
    with bridge_of(config, looking=True) as bridge, bridge.site.store.read() as c:
        tables, oldest, zone = sizes.by_table(c), sizes.oldest_payload(c), bridge.site.timezone
        total, free, most = sizes.total(c), sizes.free(c), bridge.site.retention.max_size
    if as_json:
        print_json({"bytes": total, "free": free, "max_size": most, "oldest_payload": oldest, "tables": tables})
        return
    print_rows([{"table": name, "takes": size(count)} for name, count in tables.items()], "Tables", whole="table")
    out.print(f"In all {size(total)}; {size(free)} of the file are free for new rows.")
    if oldest:
        out.print(f"The oldest payload came {moment(oldest, zone)}.")
    if most and total > most:
        err.print(f"That is more than the {size(most)} of [store] max_size.", style="yellow")


@app.command("copy")
def store_copy(
    to: Annotated[str, typer.Option(help="An empty database; env:NAME or file:PATH hide its password.")] = "",
    cancel: Annotated[bool, typer.Option(help="Give up a copy that was begun: work here goes on.")] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Copy everything to another database (SQLite or PostgreSQL) and compare every row. Stop the gateway first.

    Killed, it goes on where it was when it is called again. When it is done, name the new address as store.url.
    """
    with bridge_of(config, looking=True) as bridge, alone(bridge, anyhow=True):
        if cancel:
            given_up = relocating.stay(bridge.site)
            out.print("Given up: this store is worked on again." if given_up else "No copy was begun.")
            return
        if not to:
            raise SetupError("CB-140", "--to is missing: where shall everything go?", remedy=WHERE_TO)
        with target_of(bridge, to) as target, progress("Copying rows", False) as tell:
            rows = relocating.copy(bridge.site, target, tell)
    out.print(f"{counted(rows, 'row')} copied, and every one compared. Now name the new address in {config.name}:\n"
              f'[store]\nurl = "{to}"', soft_wrap=True, markup=False)  # fmt: skip


@contextmanager
def target_of(bridge: Bridge, to: str) -> Iterator[Store]:
    """The store that is to be filled, under the same keys."""
    address = resolve_secrets(to, bridge.base, "--to")
    try:
        target = level.opened(store_url(address, bridge.base), bridge.site.store.box)
    except SetupError as error:
        remedy = WHERE_TO if error.code == "CB-140" and "driver" not in error.message else error.remedy
        raise SetupError(error.code, f"--to: {error.message}", remedy=remedy) from None
    try:
        yield target
    finally:
        target.close()


@contextmanager
def progress(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; told how much is done, and of how much."""
    with Progress(console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
