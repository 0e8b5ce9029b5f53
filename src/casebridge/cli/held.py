"""``casebridge held``: messages that stopped."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, MessageArgument, bridge_of
from casebridge.cli.printing import out, print_entry, print_json, print_rows
from casebridge.cli.replay import held_replay
from casebridge.core.errors import Held
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


app.command("replay")(held_replay)


@app.command("drop")
def held_drop(
    message: MessageArgument,
    reason: Annotated[str, typer.Option(help="Why it is given up; stays on the books.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Give a held message up for good."""
    with bridge_of(config, changing=True) as bridge:
        holding.drop(bridge.site, message, reason, by="command line")
    out.print(f"{message}: dropped")


def _where(row: HeldRow) -> str:
    return ", ".join(filter(None, (row.file, row.position)))


def _facts(row: HeldRow) -> dict[str, object]:
    return {**dataclasses.asdict(row), "why": row.reason, "who must act": row.who}
