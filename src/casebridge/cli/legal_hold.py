"""``casebridge legal-hold``: what a court may ask for is erased by no policy."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import out, print_json, print_rows
from casebridge.core.errors import SetupError
from casebridge.store import holds, ledger
from casebridge.web.wording import moment

app = typer.Typer(no_args_is_help=True, help="Legal holds: what must be kept, whatever the retention policy says.")


@app.callback()
def legal_hold() -> None:
    """Legal holds: what must be kept, whatever the retention policy says."""


@app.command("add")
def legal_hold_add(
    kind: Annotated[str, typer.Argument(help="client, partner or referral.")],
    subject: Annotated[str, typer.Argument(help="Its id as the console shows it, or the partner's name.")],
    reason: Annotated[str, typer.Option(help="The case, such as a docket number. No names of clients.")],
    by: Annotated[str, typer.Option(help="Who ordered it.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Keep everything about a client, a partner or a referral until the hold ends."""
    if kind not in holds.KINDS:
        raise SetupError("CB-241", f"`{kind}` cannot be held: name one of {', '.join(holds.KINDS)}")
    with bridge_of(config, looking=True, changing=True) as bridge:
        if kind == "partner" and subject not in bridge.site.partners:
            raise SetupError("CB-241", f"there is no partner {subject}; casebridge.toml names the partners")
        with bridge.site.store.write() as c:
            if kind != "partner" and not holds.exists(c, kind, subject):
                raise SetupError("CB-241", f"there is no {kind} {subject}; the console shows the ids")
            id_ = holds.add(c, bridge.site.now(), kind, subject, reason, by)
            ledger.note(c, bridge.site.now(), "legal hold", facts={"hold": id_, "kind": kind, "begins": True})
    out.print(f"Legal hold {id_} begins. casebridge legal-hold end {id_} ends it.", soft_wrap=True)


@app.command("list")
def legal_hold_list(
    ended: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """The holds that last."""
    with bridge_of(config, looking=True) as bridge, bridge.site.store.read() as c:
        rows, zone = [asdict(hold) for hold in holds.listed(c, ended=ended)], bridge.site.timezone
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row.update(since=moment(row["since"], zone), ended_at=moment(row["ended_at"] or "", zone))
    print_rows(rows, "Legal holds", whole="id")


@app.command("end")
def legal_hold_end(
    hold: Annotated[str, typer.Argument(help="The id that casebridge legal-hold list shows.")],
    config: ConfigOption = CONFIG,
) -> None:
    """End a hold: the retention policy applies again."""
    with bridge_of(config, looking=True, changing=True) as bridge, bridge.site.store.write() as c:
        if not holds.end(c, bridge.site.now(), hold):
            raise SetupError("CB-241", f"no legal hold {hold} lasts; casebridge legal-hold list shows those that do")
        ledger.note(c, bridge.site.now(), "legal hold", facts={"hold": hold, "begins": False})
    out.print("The hold has ended.")
