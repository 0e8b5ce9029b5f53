"""``casebridge links``: the links to referrals' pages, as they were mailed."""

from __future__ import annotations

from typing import Annotated

import typer

from casebridge.cli.options import CONFIG, ConfigOption, bridge_of
from casebridge.cli.printing import err, out
from casebridge.store import ledger, tokens

app = typer.Typer(no_args_is_help=True, help="Links to referrals' pages: take them back.")


@app.callback()
def links() -> None:
    """Links to referrals' pages: take them back."""


@app.command("revoke")
def links_revoke(
    partner: Annotated[str, typer.Option(help="All that were mailed to this partner.")] = "",
    referral: Annotated[str, typer.Option(help="All to this referral's page; the console shows its id.")] = "",
    config: ConfigOption = CONFIG,
) -> None:
    """Take back links that went astray: from now on they open nothing. Exit code 1 when there was none that works."""
    if bool(partner) == bool(referral):
        raise typer.BadParameter("name one of them: --partner or --referral")
    with bridge_of(config, looking=True, changing=True) as bridge, bridge.site.store.write() as c:
        count = tokens.revoke(c, bridge.site.now(), partner=partner, referral=referral)
        if count:
            ledger.note(c, bridge.site.now(), "links-revoked", partner=partner or None, correlation=referral or None,
                        facts={"links": count})  # fmt: skip
    if not count:
        err.print("No link that works was found.")
        raise typer.Exit(1)
    out.print(f"{count} link{'s open' if count > 1 else ' opens'} nothing any more.")
