"""``casebridge backup`` and ``casebridge restore``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from casebridge.app import alone
from casebridge.cli.options import CONFIG, ConfigOption, JsonOption, bridge_of
from casebridge.cli.printing import counted, out, print_json
from casebridge.cli.store import progress
from casebridge.ending import as_ctrl_c
from casebridge.engine import relocating
from casebridge.store.backups import Backup

FileArgument = Annotated[Path, typer.Argument(help="The backup: one file, readable by its owner alone.")]


def backup(
    file: FileArgument,
    verify: Annotated[bool, typer.Option("--verify", help="Only compare every row of the file with its sums.")] = False,
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write all of the store into one file while the gateway works, and compare every row."""
    if verify:
        found = relocating.verify(file)
    else:
        as_ctrl_c()
        with bridge_of(config, looking=True) as bridge, progress("Copying rows", as_json) as tell:
            found = relocating.backup(bridge.site, file, tell)
    _say(found, f"{file.name}:", as_json)


def restore(file: FileArgument, config: ConfigOption = CONFIG, as_json: JsonOption = False) -> None:
    """Fill the empty store that casebridge.toml names from a backup, and compare every row."""
    with bridge_of(config, looking=True) as bridge, alone(bridge, anyhow=True), progress("Copying", as_json) as tell:
        found = relocating.restore(bridge.site, file, tell)
    _say(found, "Restored from", as_json)


def _say(found: Backup, what: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
        return
    rows = counted(sum(found.rows.values()), "row")
    out.print(f"{what} {rows} of {found.site} as of {found.at}; every row is as it was.", soft_wrap=True, markup=False)
