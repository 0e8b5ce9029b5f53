"""The command that looks how far we get at each partner, and says who must do what where that is not far enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import out, plain, print_json
from casebridge.core.errors import SetupError
from casebridge.core.steps import Step
from casebridge.engine.examining import examined
from casebridge.engine.site import Partner, Site

_MARKS = {"ok": ("ok", "green"), "attention": ("LOOK", "yellow"), "failed": ("FAILED", "red"),
          "not tried": ("-", "dim")}  # fmt: skip
_INDENT = " " * 10


def doctor(
    partner: Annotated[str, typer.Argument(help="Only this partner, as named in casebridge.toml.")] = "",
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """How far do we get at each partner, step by step, and who must do what? Changes nothing there."""
    with bridge_of(config, looking=True) as bridge:
        chosen = _chosen(bridge.site, partner)
        found = [_looked(bridge.site, one, aloud=not as_json) for one in chosen]
    if as_json:
        print_json(found)
    raise typer.Exit(0 if all(row["ok"] for row in found) else 1)


def _chosen(site: Site, name: str) -> list[Partner]:
    if name and name not in site.partners:
        raise SetupError("CB-101", f"there is no partner {name}", remedy="casebridge.toml names the partners.")
    return [site.partners[name]] if name else list(site.partners.values())


def _looked(site: Site, partner: Partner, *, aloud: bool) -> dict[str, Any]:
    """The steps at one partner as a row; printed as they are made, for a step may take its time."""
    if aloud:
        out.print(Text(f"{partner.name} ({partner.title}, {partner.environment})", style="bold"))
    steps = []
    for step in examined(site, partner):
        steps.append(step)
        if aloud:
            for line in _lines(step, partner):
                out.print(line, soft_wrap=True)
    failed = next((step for step in steps if step.state == "failed"), None)
    said = f"{failed.name}: {failed.message}" if failed else "every step is well"
    return {"partner": partner.name, "ok": failed is None, "message": said,
            "steps": [{**asdict(step), "state": step.state} for step in steps]}  # fmt: skip


def _lines(step: Step, partner: Partner) -> Iterator[Text]:
    mark, style = _MARKS[step.state]
    yield Text(f"  {mark:<8}", style=style) + plain(f"{step.name}: {step.message}")
    if step.remedy:
        who = {"it": "we", "partner": partner.title}.get(step.who, step.who)
        yield Text(f"{_INDENT}{who}: ", style="bold") + plain(step.remedy)
