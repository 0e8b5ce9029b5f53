"""``casebridge held``: messages that stopped."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from casebridge.app import Bridge
from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, MessageArgument, bridge_of
from casebridge.cli.printing import out, plain, print_entry, print_json, print_rows
from casebridge.core.errors import CaseBridgeError, Held
from casebridge.engine import held as holding
from casebridge.engine import views
from casebridge.engine.views import HeldRow
from casebridge.web.wording import say

app = typer.Typer(no_args_is_help=True, help="Messages that stopped: list, show, replay, drop.")


@app.command("list")
def held_list(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Every held message: where it stands, why it stopped, and who must act."""
    with bridge_of(config, looking=True) as bridge:
        rows = views.held_rows(bridge.site)
    if as_json:
        print_json([_facts(r) for r in rows])
        return
    shown = [{"message": r.message, "from or to": r.partner, "where": _where(r), "why": f"{r.reason} ({r.code})",
              "who must act": say(r.who, "who")} for r in rows]  # fmt: skip
    print_rows(shown, "Held", whole="message")


@app.command("show")
def held_show(message: MessageArgument, config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """One held message, with its place and what to do."""
    with bridge_of(config, looking=True) as bridge:
        row = views.held_one(bridge.site, message)
    if row is None or row.state != "held":
        raise Held("CB-507", f"there is no held message {message}", who="it",
                   remedy="casebridge held list shows what is held.")  # fmt: skip
    if as_json:
        print_json([_facts(row)])
        return
    print_entry({"message": row.message, "partner": row.partner, "what": say(row.kind, "kind"), "where": _where(row),
                 "stopped": say(row.stop, "stop-held"), "why": f"{row.reason} ({row.code})", "what to do": row.remedy,
                 "who must act": say(row.who, "who"), "since": row.since, "referral": row.referral})  # fmt: skip


@app.command("replay")
def held_replay(
    messages: Annotated[list[str], typer.Argument(help="Messages' ids, or all.")], config: ConfigOption = CONFIG
) -> None:
    """Send held messages on from where they stopped, with today's map and policy; `all` for every one."""
    with bridge_of(config) as bridge:
        ids = [m.id for m in holding.listed(bridge.site)] if messages == ["all"] else messages
        refused = [error for id_ in ids if (error := _replayed(bridge, id_)) is not None]
    if refused:
        raise refused[0]
    out.print("A running gateway takes them up by itself; otherwise: casebridge run" if ids else "Nothing is held.")


@app.command("drop")
def held_drop(
    message: MessageArgument,
    reason: Annotated[str, typer.Option(help="Why it is given up; stays on the books.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Give a held message up for good."""
    with bridge_of(config) as bridge:
        holding.drop(bridge.site, message, reason, by="command line")
    out.print(f"{message}: dropped")


def _replayed(bridge: Bridge, message: str) -> CaseBridgeError | None:
    """One of several: what cannot go on yet does not keep the others back."""
    try:
        again = holding.replay(bridge.site, message)
    except CaseBridgeError as error:
        out.print(plain(f"{message}: still held: {error.message}"))
        return error
    out.print(plain(f"{message}: {again.state if again.state != 'held' else 'still held: ' + again.reason}"))
    return None


def _where(row: HeldRow) -> str:
    return ", ".join(filter(None, (row.file, row.position)))


def _facts(row: HeldRow) -> dict[str, object]:
    return {**dataclasses.asdict(row), "why": row.reason, "who must act": row.who}
