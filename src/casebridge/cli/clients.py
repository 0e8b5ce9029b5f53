"""``casebridge client``: what the books say about one client."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import out, plain, print_json
from casebridge.core.errors import Held
from casebridge.engine import views
from casebridge.engine.views import DisclosureRow
from casebridge.web.wording import moment, said_paths, say

app = typer.Typer(no_args_is_help=True, help="What the books say about one client.")


@app.callback()
def client() -> None:
    """What the books say about one client."""


@app.command("who-got-my-data")
def who_got_my_data(
    client: Annotated[str, typer.Argument(help="A client's id: casebridge referrals --json shows it as client_id.")],
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Every release and every refusal about one client (45 CFR 164.528)."""
    with bridge_of(config, looking=True) as bridge:
        site = bridge.site
        if views.client_name(site, client) is None:
            raise Held("CB-507", f"there is no client {client}", who="it",
                       remedy="casebridge referrals --json shows client_id.")  # fmt: skip
        rows = views.disclosures_of(site, client)
    if as_json:
        print_json([dataclasses.asdict(r) for r in rows])
        return
    for row in rows or ():
        out.print(plain(f"\n{moment(row.at, site.timezone)}  {row.recipient}"), style="bold", soft_wrap=True)
        for line in _lines(row):
            out.print(plain(f"  {line}"), soft_wrap=True)
    if not rows:
        out.print("Nobody got anything.")


def _lines(row: DisclosureRow) -> list[str]:
    sent = "" if row.effect != "released" or row.delivered_at else ", not delivered"
    listed = ", on the client's own list" if row.accountable else ""
    lines = [f"{say(row.effect, 'effect')} {say(row.purpose, 'purpose')}{sent}{listed}"]
    if row.permitted:
        lines.append(f"went: {_said(row.permitted)}")
    for why in dict.fromkeys(row.why):
        stayed = [path for path, reason in zip(row.withheld, row.why, strict=False) if reason == why]
        lines.append(f"stayed: {_said(stayed)} ({why.rstrip('.')})")
    return lines


def _said(paths: tuple[str, ...] | list[str]) -> str:
    return "; ".join(f"{record}: {fields}" if fields else record for record, fields in said_paths(paths))
