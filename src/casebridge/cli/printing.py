"""What people read on a terminal: tables, entries, plain text that no terminal obeys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from casebridge.startup import Finding

out, err = Console(highlight=False), Console(stderr=True, highlight=False)


def plain(value: object) -> Text:
    """Text that neither Rich nor a terminal obeys: partners choose file names and codes."""
    return Text("".join(c if c.isprintable() or c == "\n" else "·" for c in str(value)))


def print_json(value: Any) -> None:
    """One JSON value, for programs."""
    out.print_json(json.dumps(value, default=str))


def print_rows(rows: list[dict[str, Any]], title: str, *, whole: str = "") -> None:
    """A table; the column named ``whole`` is never broken, so that it can be copied."""
    if not rows:
        out.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(str(name), overflow="fold", no_wrap=name == whole)
    for row in rows:
        table.add_row(*("" if v is None else plain(v) for v in row.values()))
    out.print(table)


def print_entry(entry: Mapping[str, Any]) -> None:
    """One thing, a line for each of its facts."""
    width = max(len(name) for name in entry) + 2
    for name, value in entry.items():
        if value not in (None, "", ()):
            out.print(Text(f"{name:<{width}}", style="bold") + plain(value), soft_wrap=True)


def print_plugin(plugin: Mapping[str, Any], *, full: bool) -> None:
    """A plugin with what it gives; ``full`` with every setting of its adapters."""
    out.print(f"[bold]{escape(plugin['name'])}[/bold] {plugin['version']} [dim]{escape(str(plugin['source']))}[/dim]")
    if plugin["problem"]:
        out.print(f"  out: {escape(plugin['problem'])} ({plugin['code']}). {escape(plugin['remedy'])}", style="red")
    for kind in ("formats", "links", "doors", "converters", "maps"):
        given: list[dict[str, Any]] = [one if isinstance(one, dict) else {"name": str(one)} for one in plugin[kind]]
        if given and not full:
            out.print(f"  {kind}: {', '.join(one['name'] for one in given)}")
        for one in given if full else ():
            out.print(f"  {kind[:-1]} [bold]{escape(one['name'])}[/bold]")
            for setting in one.get("settings", ()):
                out.print(f"    {_setting(setting)}", soft_wrap=True)


def _setting(setting: Mapping[str, Any]) -> str:
    marks = [m for m in ("required", "secret") if setting[m]]
    if setting.get("default") not in (None, ""):
        marks.append(f"default {setting['default']}")
    facts = escape(", ".join([str(setting["type"]), *marks]))
    return f"[cyan]{setting['name']}[/cyan] ({facts}) {escape(setting['description'])}"


def counted(number: int, what: str) -> str:
    """``1 map``, ``2 maps``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def print_finding(finding: Finding) -> None:
    """What was looked at before a start: in order, or with its remedy and code."""
    if not finding.code:
        out.print(plain(f"{finding.name}: {finding.said}"), soft_wrap=True)
        return
    said = f"{finding.name}: {finding.said}. {finding.remedy} [{finding.code}]"
    err.print(plain(said), style="red" if finding.stops else "yellow", soft_wrap=True)
