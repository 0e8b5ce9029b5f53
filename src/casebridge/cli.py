"""The command line. Exit codes: 0 well, 1 something is not so, 2 wrong use, 3 fix the set-up, 4 fix the map,
5 fix the record, 6 try again, 7 ask a person, 9 report a bug."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from casebridge.app import Bridge, alone, open_bridge
from casebridge.core.errors import Bug, CaseBridgeError, Held, MapError, RecordError, SetupError, TryAgain
from casebridge.engine import explain as lineage
from casebridge.engine import held as holding
from casebridge.engine import views
from casebridge.plugins import describe, load_plugins

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="CaseBridge: referrals cross, and the answer comes back.")  # fmt: skip
held_app = typer.Typer(no_args_is_help=True, help="Messages that stopped: list, show, replay, drop.")
client_app = typer.Typer(no_args_is_help=True, help="What the books say about one client.")
app.add_typer(held_app, name="held")
app.add_typer(client_app, name="client")

EXIT = ((SetupError, 3), (MapError, 4), (RecordError, 5), (TryAgain, 6), (Held, 7), (Bug, 9))
out, err = Console(), Console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The site's configuration.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CONFIG = Path("casebridge.toml")


@contextmanager
def _bridge(path: Path) -> Iterator[Bridge]:
    bridge = open_bridge(path)
    try:
        yield bridge
    finally:
        bridge.close()


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Keep the console open at the end.")] = True,
    keep: Annotated[Path | None, typer.Option(help="A folder to leave everything in, to look at or to go on.")] = None,
    hospital: Annotated[str, typer.Option(help="Another FHIR R4 server as the hospital.")] = "",
) -> None:
    """See referrals leave a hospital, reach a food bank and a shelter, and come back."""
    from casebridge.demo import run  # the demo's servers are an extra: everything else works without them

    raise typer.Exit(run(serve=serve, keep=keep, hospital=hospital))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where the site shall live.")] = Path()) -> None:
    """Write a casebridge.toml to start from."""
    target = folder / "casebridge.toml"
    if target.exists():
        raise SetupError("CB-101", f"{target} is already there", remedy="Edit it, or name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    template = Path(__file__).parent / "templates" / "casebridge.toml"
    target.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    for partner in ("hospital", "agency"):  # a folder that is not there is an unmounted drive, never made in silence
        (folder / partner / "in").mkdir(parents=True, exist_ok=True)
    out.print(f"Written: {target}. Edit it, then: casebridge check --config {target}")


@app.command()
def check(config: ConfigOption = CONFIG) -> None:
    """Read everything the site is made of and say what is wrong, before anything starts."""
    with _bridge(config) as bridge:
        broken = [r for r in bridge.registry.reports if r.problem]
        for report in broken:
            said = f"plugin {report.name}: {report.problem} ({report.code}). {report.remedy}"
            err.print(_plain(said), style="yellow")
        failures = [f for p in bridge.site.partners.values() for m in p.maps for f in m.run_examples()]
        for failure in failures:
            err.print(_plain(failure), style="red")
        out.print(f"{len(bridge.site.partners)} partners, {len(bridge.site.routes)} routes: "
                  f"{'in order' if not failures else f'{len(failures)} examples of maps do not hold'}")  # fmt: skip
    raise typer.Exit(1 if failures else 0)


@app.command()
def doctor(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Can every partner be reached with these settings? Changes nothing there."""
    with _bridge(config) as bridge:
        probes = {n: p.link.probe() for n, p in bridge.site.partners.items() if p.link is not None}
    rows = [{"partner": n, "ok": p.ok, "message": p.message} for n, p in probes.items()]
    _print(rows, as_json, "Partners")
    raise typer.Exit(0 if all(p.ok for p in probes.values()) else 1)


@app.command()
def serve(config: ConfigOption = CONFIG) -> None:
    """Run the gateway: lanes, partners' doors and the console, in one process."""
    from casebridge.web.server import serve as serve_web

    with _bridge(config) as bridge, alone(bridge):
        serve_web(bridge)


@app.command()
def run(config: ConfigOption = CONFIG) -> None:
    """One pass: receive, understand, apply, prepare, deliver everything that is due."""
    with _bridge(config) as bridge, alone(bridge):
        done = bridge.lanes.drain()
        for partner, problem in bridge.lanes.problems.items():
            err.print(_plain(f"{partner}: {problem}"), style="yellow")
        out.print(f"{done} pieces of work done, {len(holding.listed(bridge.site))} held.")


@app.command()
def dispatch(partner: str, config: ConfigOption = CONFIG) -> None:
    """Let what waits for a partner's next dispatch leave now."""
    with _bridge(config) as bridge, alone(bridge):
        if partner not in bridge.site.partners:
            raise SetupError("CB-101", f"there is no partner {partner}")
        bridge.lanes.dispatch_now(bridge.site.partners[partner])


@app.command()
def status(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Referrals and where each one stands."""
    with _bridge(config) as bridge:
        rows = [dataclasses.asdict(r) for r in views.referral_rows(bridge.site)]
    shown = [{"referral": r["referral"], "client": r["client"], "for": r["service"], "to": r["sent_to"],
              "state": r["words"], "call": r["call"]} for r in rows]  # fmt: skip
    _print(rows if as_json else shown, as_json, "Referrals")


@app.command()
def adapters(
    name: Annotated[str | None, typer.Argument(help="One adapter, in full.")] = None,
    config: ConfigOption = CONFIG, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Every adapter with its version, formats, links, doors, settings and maps, or why it is out."""
    found = describe(load_plugins(config.resolve().parent / "plugins"), name)
    if as_json:
        out.print_json(json.dumps(found, default=str))
        return
    for plugin in found:
        _print_plugin(plugin, full=bool(name))


@app.command()
def explain(message: str, field: str, config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Where one field of a message came from: file, row, and the map's line."""
    with _bridge(config) as bridge:
        found = lineage.explain(bridge.site, message, field)
    _print([dataclasses.asdict(found)], as_json, f"{field} of {message}")


@held_app.command("list")
def held_list(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Every held message: why, and who must act."""
    with _bridge(config) as bridge:
        rows = [_held_row(m) for m in holding.listed(bridge.site)]
    _print(rows, as_json, "Held")


@held_app.command("show")
def held_show(message: str, config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """One held message, with its position and remedy."""
    with _bridge(config) as bridge:
        place = views.held_one(bridge.site, message)
        rows = [_held_row(m) | {"remedy": m.remedy, "position": place.position, "file": place.file, "map": m.map_name}
                for m in holding.listed(bridge.site) if place and m.id == message]  # fmt: skip
    if not rows:
        raise Held("CB-507", f"there is no held message {message}", who="it")
    _print(rows, as_json, "Held")


@held_app.command("replay")
def held_replay(messages: list[str], config: ConfigOption = CONFIG) -> None:
    """Send held messages on from where they stopped, with today's map and policy; `all` for every one."""
    with _bridge(config) as bridge:
        ids = [m.id for m in holding.listed(bridge.site)] if messages == ["all"] else messages
        refused = [error for id_ in ids if (error := _replayed(bridge, id_)) is not None]
    if refused:
        raise refused[0]
    out.print("A running gateway takes them up by itself; otherwise: casebridge run")


def _replayed(bridge: Bridge, message: str) -> CaseBridgeError | None:
    """One of several: what cannot go on yet does not keep the others back."""
    try:
        again = holding.replay(bridge.site, message)
    except CaseBridgeError as error:
        out.print(_plain(f"{message}: still held: {error.message}"))
        return error
    out.print(_plain(f"{message}: {again.state if again.state != 'held' else 'still held: ' + again.reason}"))
    return None


@held_app.command("drop")
def held_drop(
    message: str, reason: Annotated[str, typer.Option(help="Why it is given up; stays on the books.")],
    config: ConfigOption = CONFIG,
) -> None:  # fmt: skip
    """Give a held message up for good."""
    with _bridge(config) as bridge:
        holding.drop(bridge.site, message, reason, by="command line")
    out.print(f"{message}: dropped")


@client_app.command("who-got-my-data")
def who_got_my_data(client: str, config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Every release and refusal about one client (45 CFR 164.528)."""
    with _bridge(config) as bridge:
        rows = views.disclosures_of(bridge.site, client)
    _print([dataclasses.asdict(r) for r in rows], as_json, f"Disclosures of {client}")


def _held_row(message: Any) -> dict[str, Any]:
    return {"message": message.id, "partner": message.partner, "stop": message.stop, "kind": message.kind,
            "code": message.code, "why": message.reason, "who must act": message.who}  # fmt: skip


def _print_plugin(plugin: dict[str, Any], *, full: bool) -> None:
    out.print(f"[bold]{escape(plugin['name'])}[/bold] {plugin['version']} [dim]{escape(str(plugin['source']))}[/dim]")
    if plugin["problem"]:
        out.print(f"  out: {escape(plugin['problem'])} ({plugin['code']}). {escape(plugin['remedy'])}", style="red")
    for kind in ("formats", "links", "doors", "converters", "maps"):
        given = plugin[kind]
        if given and not full:
            names = [g["name"] if isinstance(g, dict) else str(g) for g in given]
            out.print(f"  {kind}: {', '.join(names)}")
        for one in given if full else ():
            out.print(f"  {kind[:-1]} [bold]{escape(one['name'] if isinstance(one, dict) else str(one))}[/bold]")
            for setting in one.get("settings", ()) if isinstance(one, dict) else ():
                out.print(f"    {_setting(setting)}", soft_wrap=True)


def _setting(setting: dict[str, Any]) -> str:
    marks = [m for m in ("required", "secret") if setting[m]]
    if setting.get("default") not in (None, ""):
        marks.append(f"default {setting['default']}")
    facts = escape(", ".join([str(setting["type"]), *marks]))
    return f"[cyan]{setting['name']}[/cyan] ({facts}) {escape(setting['description'])}"


def _plain(value: object) -> Text:
    """Text that neither Rich nor a terminal obeys: partners choose file names and codes."""
    return Text("".join(c if c.isprintable() or c == "\n" else "·" for c in str(value)))


def _print(rows: list[dict[str, Any]], as_json: bool, title: str) -> None:
    if as_json:
        out.print_json(json.dumps(rows, default=str))
        return
    if not rows:
        out.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(str(name), overflow="fold")
    for row in rows:
        table.add_row(*("" if v is None else _plain(v) for v in row.values()))
    out.print(table)


def main() -> None:
    """Run a command; an error is a message with its code and an exit code of its kind, never a traceback."""
    try:
        app()
    except CaseBridgeError as error:
        err.print(f"{error.message}\n{error.remedy} [{error.code}]", markup=False, style="red")
        sys.exit(next(code for kind, code in EXIT if isinstance(error, kind)))
    except Exception as error:  # its text may quote a record: only its type and place are shown
        if os.environ.get("CASEBRIDGE_DEBUG"):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        err.print(f"Unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}. Please report it "
                  "with this line; CASEBRIDGE_DEBUG=1 shows more. [CB-901]", markup=False, style="red")  # fmt: skip
        sys.exit(9)
