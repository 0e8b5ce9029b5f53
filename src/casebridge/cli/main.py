"""The program ``casebridge``: its commands, and how it ends.

Exit codes: 0 well, 1 something is not so, 2 wrong use, 3 fix the set-up, 4 fix the map, 5 fix the record, 6 try again,
7 ask a person, 9 report a bug.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from casebridge.cli import (
    backup,
    clients,
    commands,
    doctor,
    held,
    keys,
    ledger,
    legal_hold,
    links,
    load,
    maps,
    status,
    store,
    translate,
    validate,
    work,
)  # fmt: skip
from casebridge.cli.printing import err, out, plain
from casebridge.core.errors import Bug, CaseBridgeError, Held, MapError, RecordError, SetupError, TryAgain
from casebridge.store.database import StoreTrouble

EXIT = ((SetupError, 3), (MapError, 4), (RecordError, 5), (TryAgain, 6), (Held, 7), (Bug, 9))
CODES = ("Exit codes: 0 well · 1 something is not so · 2 wrong use · 3 fix the set-up · 4 fix the map · "
         "5 fix the record · 6 try again · 7 ask a person · 9 report a bug")  # fmt: skip

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, epilog=CODES)
for command in (
    commands.demo, commands.init, commands.check, doctor.doctor, commands.serve, work.work, commands.run,
    status.status, commands.referrals, commands.files_, commands.dispatch, commands.shown, commands.explain,
    commands.adapters, translate.translate, validate.validate, load.load, backup.backup, backup.restore,
):  # fmt: skip
    app.command(command.__name__.rstrip("_"))(command)
app.add_typer(held.app, name="held")
app.add_typer(clients.app, name="client")
app.add_typer(maps.app, name="map")
app.add_typer(keys.app, name="keys")
app.add_typer(ledger.app, name="ledger")
app.add_typer(store.app, name="store")
app.add_typer(legal_hold.app, name="legal-hold")
app.add_typer(links.app, name="links")


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(version("casebridge"))
        raise typer.Exit


@app.callback()
def casebridge(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """CaseBridge: referrals cross, and the answer comes back."""


def main() -> None:
    """Run a command; an error is a message with its code and an exit code of its kind, never a traceback."""
    try:
        app()
    except CaseBridgeError as error:
        err.print(plain(f"{error.message}\n{error.remedy} [{error.code}]"), style="red", soft_wrap=True)
        sys.exit(next(code for kind, code in EXIT if isinstance(error, kind)))
    except StoreTrouble as error:
        trouble = TryAgain("CB-404", f"the database did not do what was asked of it ({error})")
        err.print(plain(f"{trouble.message}\n{trouble.remedy} [{trouble.code}]"), style="red", soft_wrap=True)
        sys.exit(6)
    except Exception as error:  # its text may quote a record: only its type and place are shown
        if os.environ.get("CASEBRIDGE_DEBUG"):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = (f"Unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}. Please report it "
                "with this line; CASEBRIDGE_DEBUG=1 shows more. [CB-901]")  # fmt: skip
        err.print(plain(said), style="red", soft_wrap=True)
        sys.exit(9)
