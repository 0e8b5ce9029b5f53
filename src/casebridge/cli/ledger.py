"""``casebridge ledger``: does the ledger still say what it said?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import err, out, plain, print_json
from casebridge.core.errors import SetupError
from casebridge.engine.verifying import Report, verify
from casebridge.web.wording import moment

app = typer.Typer(no_args_is_help=True, help="The ledger of what happened: sealed, and compared with its seals.")
NO_KEY = ("The ledger is sealed without a key: whoever can write to the store could make all seals anew. Make a key "
          "(openssl rand -hex 32), keep it outside the store, and name it in casebridge.toml:\n"
          '[ledger]\nkey = "file:/etc/casebridge/ledger.key"')  # fmt: skip


@app.callback()
def ledger() -> None:
    """The ledger of what happened: sealed, and compared with its seals."""


@app.command("verify")
def ledger_verify(
    heads: Annotated[list[Path] | None, typer.Option(help="A log of the gateway, with heads of seals in it.")] = None,
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Find every event, seal or disclosure that was changed, removed, inserted or moved since it was sealed.

    Exit code 7 when something was, 3 when a key is not at hand.
    """
    with bridge_of(config, looking=True) as bridge, _progress(as_json) as tell:
        report = verify(bridge.site, _lines(heads or []), tell)
        zone, has_key = bridge.site.timezone, bool(bridge.site.ledger_keys.current)
    if as_json:
        print_json(_facts(report))
    else:
        _print(report, has_key, lambda at: moment(at, zone))
    report.demand_whole()


def _lines(files: list[Path]) -> Iterator[bytes]:
    for file in files:
        try:
            with open(file, "rb") as log:
                yield from log
        except OSError as error:
            raise SetupError("CB-241", f"the log {file} cannot be read ({error.strerror})") from None


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    with Progress(console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task("Comparing events with their seals", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def _print(report: Report, has_key: bool, at: Callable[[str], str]) -> None:
    found = report.findings
    for finding in found.named:
        out.print(plain(finding.words), style="red", soft_wrap=True)
    if (more := found.counts.total() - len(found.named)) > 0:
        out.print(f"And {more} more.", style="red")
    out.print(f"{report.rows} events under {report.seals} seals: {_verdict(report)}.", soft_wrap=True)
    for note in _notes(report, has_key, at):
        out.print(plain(note), style="yellow", soft_wrap=True)


def _verdict(report: Report) -> str:
    if count := report.findings.counts.total():
        return f"{count} finding{'s'[: count - 1]}"
    return "not all could be compared" if report.unknown_keys else "they are as they were sealed"


def _notes(report: Report, has_key: bool, at: Callable[[str], str]) -> Iterator[str]:
    """What is no fault and must be known to judge the answer."""
    if report.erased_until:
        yield f"Events up to {report.erased_until} were erased by the retention policy."
    if report.unsealed:
        since = at(report.unsealed_since)
        yield f"{report.unsealed} events since {since} are not sealed yet; a running gateway does so within seconds."
    if not has_key:
        yield NO_KEY
    elif report.unkeyed_until:
        yield (f"Events up to {report.unkeyed_until} were sealed without a key: that they are as they were is only "
               "certain where the heads in the log say so too (--heads).")  # fmt: skip


def _facts(report: Report) -> dict[str, Any]:
    found = report.findings
    return {
        "holds": not found.counts and not report.unknown_keys, "events": report.rows, "seals": report.seals,
        "unsealed": report.unsealed, "unsealed_since": report.unsealed_since, "unkeyed_until": report.unkeyed_until,
        "erased_until": report.erased_until, "unknown_keys": sorted(report.unknown_keys), "counts": dict(found.counts),
        "findings": [{**_given(finding), "words": finding.words} for finding in found.named],
    }  # fmt: skip


def _given(finding: Any) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(finding).items() if value not in (None, "")}
