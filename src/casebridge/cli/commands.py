"""The commands of a site: make it, check it, run it, look at it."""

from __future__ import annotations

import dataclasses
import secrets
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from casebridge import logs, startup
from casebridge.app import alone, load_unused_maps
from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, MessageArgument, PartnerArgument, bridge_of
from casebridge.cli.printing import err, out, plain, print_entry, print_finding, print_json, print_plugin, print_rows
from casebridge.core.errors import SetupError
from casebridge.ending import as_ctrl_c
from casebridge.engine import explain as lineage
from casebridge.engine import held as holding
from casebridge.engine import upkeep, views
from casebridge.plugins import describe, load_plugins
from casebridge.store import dispatches, ledger
from casebridge.web.wording import moment


def demo(
    serve: Annotated[bool, typer.Option(help="Keep the console open at the end.")] = True,
    keep: Annotated[Path | None, typer.Option(help="A folder to leave everything in, to look at or to go on.")] = None,
    hospital: Annotated[str, typer.Option(help="Another FHIR R4 server as the hospital.")] = "",
) -> None:
    """See referrals leave a hospital, light, indirect, direct and by file, and come back."""
    from casebridge.demo import run  # the demo's servers are an extra: everything else works without them

    as_ctrl_c()
    raise typer.Exit(run(serve=serve, keep=keep, hospital=hospital))


def init(folder: Annotated[Path, typer.Argument(help="Where the site shall live.")] = Path()) -> None:
    """Write a casebridge.toml to start from."""
    target = folder / "casebridge.toml"
    if target.exists():
        raise SetupError("CB-101", f"{target} is already there", remedy="Edit it, or name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    template = files("casebridge").joinpath("templates/casebridge.toml")
    target.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    _write_key(folder / "ledger.key")
    for partner in ("hospital", "agency"):  # a folder that is not there is an unmounted drive, never made in silence
        (folder / partner / "in").mkdir(parents=True, exist_ok=True)
    out.print(f"Written: {target}. Edit it, then:\ncasebridge check --config {target}", soft_wrap=True)


def _write_key(path: Path) -> None:
    """A key that nobody has had before; one that is there seals a ledger already and is left alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n", encoding="utf-8")


def check(config: ConfigOption = CONFIG) -> None:
    """Read everything the site is made of and say what is wrong, before anything starts."""
    with bridge_of(config) as bridge:
        broken = [r for r in bridge.registry.reports if r.problem]
        for report in broken:
            said = f"plugin {report.name}: {report.problem} ({report.code}). {report.remedy}"
            err.print(plain(said), style="yellow", soft_wrap=True)
        findings = startup.look(bridge)
        for finding in findings:
            print_finding(finding)
        unused = load_unused_maps(bridge)
        maps = [m for p in bridge.site.partners.values() for m in p.maps]
        failures = [f for m in maps for f in m.run_examples()]
        for failure in failures:
            err.print(plain(failure), style="red", soft_wrap=True)
        for name in unused:
            out.print(plain(f"The maps {name} are in order, but no partner uses them."))
        out_ = _count(len(broken), "plugin out", "plugins out")
        false = _count(len(failures), "example of a map does not hold", "examples of maps do not hold")
        said = "; ".join(filter(None, (out_, false))) or "in order"
        out.print(f"{_count(len(bridge.site.partners), 'partner', 'partners') or 'no partner'}, "
                  f"{_count(len(bridge.site.routes), 'route', 'routes') or 'no route'}: {said}")  # fmt: skip
    raise typer.Exit(1 if failures or broken or any(f.stops and f.code for f in findings) else 0)


def serve(config: ConfigOption = CONFIG) -> None:
    """Run the gateway: lanes, partners' doors and the console, in one process."""
    from casebridge.web.server import serve as serve_web

    with bridge_of(config) as bridge, alone(bridge):
        logs.start(bridge.config.log.level, walled=bridge.site.walled)
        startup.begin(bridge)
        serve_web(bridge)


def run(config: ConfigOption = CONFIG) -> None:
    """One pass over everything that is due; exit code 6 when a partner could not be reached."""
    with bridge_of(config) as bridge, alone(bridge):
        done = bridge.lanes.drain()
        upkeep.once(bridge.site)
        done += bridge.lanes.drain(receive=False)
        for partner, problem in (*bridge.lanes.problems.items(), *bridge.lanes.map_problems.items()):
            err.print(plain(f"{partner}: {problem}"), style="yellow", soft_wrap=True)
        out.print(f"{_count(done, 'piece', 'pieces') or 'No piece'} of work done, "
                  f"{len(holding.listed(bridge.site))} held.")  # fmt: skip
        problems = bool(bridge.lanes.problems)
    raise typer.Exit(6 if problems else 0)


def dispatch(partner: PartnerArgument, config: ConfigOption = CONFIG) -> None:
    """Let what waits for a partner's next dispatch leave now."""
    with bridge_of(config, changing=True) as bridge:
        if partner not in bridge.site.partners:
            raise SetupError("CB-101", f"there is no partner {partner}", remedy="casebridge.toml names the partners.")
        with bridge.site.store.read() as c:
            waiting = len(ledger.listed(c, direction="out", partner=partner, stop="prepare", state="waiting"))
        if not waiting:
            out.print(f"Nothing was waiting for {partner}.")
            return
        with alone(bridge):
            bridge.lanes.dispatch_now(bridge.site.partners[partner])
        looked_at = _count(waiting, "message", "messages")
        out.print(f"{looked_at} for {partner} looked at; casebridge referrals says what left.")


def referrals(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Referrals and where each one stands."""
    with bridge_of(config, looking=True) as bridge:
        rows = [dataclasses.asdict(r) for r in views.referral_rows(bridge.site)]
    if as_json:
        print_json(rows)
        return
    shown = [{"referral": r["referral"], "client": r["client"], "for": r["service"], "to": r["sent_to"],
              "state": r["words"], "call": r["call"]} for r in rows]  # fmt: skip
    print_rows(shown, "Referrals", whole="referral")


def files_(
    partner: Annotated[str, typer.Argument(help="Only this partner's.")] = "",
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Every file that came, and what became of its records."""
    with bridge_of(config, looking=True) as bridge:
        rows = views.file_rows(bridge.site, partner=partner)
        zone = bridge.site.timezone
    if as_json:
        print_json([dataclasses.asdict(r) for r in rows])
        return
    shown = [{"file": r.name, "from": r.partner, "when": moment(r.received, zone),
              "records": f"{r.records}: {_became(r)}" if r.records else r.state,
              "again": r.repeats or ""} for r in rows]  # fmt: skip
    print_rows(shown, "Files")


def shown(
    message: Annotated[str, typer.Argument(help="A message of a dry run; without it, a list.")] = "",
    config: ConfigOption = CONFIG,
) -> None:
    """What a partner in a dry run would have been sent."""
    with bridge_of(config, looking=True) as bridge, bridge.site.store.read() as c:
        found = [m for m in ledger.listed(c, state="shown") if message in ("", m.id)]
        if not message:
            rows = [{"message": m.id, "to": m.partner, "what": m.kind, "referral": m.correlation} for m in found]
            print_rows(rows, "Prepared, not sent", whole="message")
        for one in found if message else ():
            for file in dispatches.files_of(c, [one.dispatch or ""]).get(one.dispatch or "", ()):
                out.print(plain(f"--- {file.name} ({file.media_type}, {len(file.data)} bytes)"))
                readable = file.media_type.startswith("text/") or file.media_type.endswith("json")
                out.print(plain(file.data.decode("utf-8", "replace")) if readable else "not text", soft_wrap=True)


def adapters(
    name: Annotated[str | None, typer.Argument(help="A plugin, format, link or door (fhir, hmis-csv, folder).")] = None,
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Every adapter with its version, formats, links, doors, settings and maps; a broken one with its reason."""
    found = describe(load_plugins(config.resolve().parent / "plugins"), name)
    if as_json:
        print_json(found)
        return
    for plugin in found:
        print_plugin(plugin, full=bool(name))


def explain(
    message: MessageArgument,
    field: Annotated[str, typer.Argument(help="A case path, such as person.names[0].family.")],
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Where one field of a message came from: file, row, and the map's line."""
    with bridge_of(config, looking=True) as bridge:
        found = dataclasses.asdict(lineage.explain(bridge.site, message, field))
    if as_json:
        print_json([found])
    else:
        print_entry(found)


def _became(row: views.FileRow) -> str:
    parts = ((row.applied, "applied"), (row.held, "held"), (row.not_ours, "not for us"), (row.waiting, "waiting"),
             (row.dropped, "given up"))  # fmt: skip
    return ", ".join(f"{number} {words}" for number, words in parts if number)


def _count(number: int, one: str, many: str) -> str:
    return "" if not number else f"{number} {one if number == 1 else many}"
