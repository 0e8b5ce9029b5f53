"""``casebridge map``: look at maps and try them. Plain files; no site, no store, no server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from casebridge.cli.map_records import map_try
from casebridge.cli.options import HERE, FolderOption, JsonOption
from casebridge.cli.printing import err, out, plain, print_json
from casebridge.core.errors import MapError
from casebridge.translating import Workshop, open_workshop

app = typer.Typer(no_args_is_help=True, help="Maps: check them, look at them, try them on a file.")
app.command("try")(map_try)


@app.command("check")
def map_check(
    names: Annotated[list[str] | None, typer.Argument(help="Sets, maps or files; without any, all there are.")] = None,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Is every map in order? What is wrong, where, and what to write instead."""
    workshop = open_workshop(folder)
    found = [_checked(workshop, path) for path in workshop.all_paths(names or ())]
    if as_json:
        print_json(found)
    else:
        for one in found:
            _print_checked(one)
    raise typer.Exit(4 if any(one["errors"] for one in found) else 0)


def _checked(workshop: Workshop, path: Path) -> dict[str, Any]:
    try:
        map_ = workshop.load(path)
    except MapError as error:
        return {"map": "", "file": str(path), "errors": [_error(error)]}
    return {"map": map_.name, "file": str(path), "errors": [{"message": said} for said in map_.run_examples()]}


def _error(error: MapError) -> dict[str, Any]:
    return {"message": error.message, "code": error.code, "file": error.file, "line": error.line,
            "column": error.column, "remedy": error.remedy}  # fmt: skip


def _print_checked(one: dict[str, Any]) -> None:
    if not one["errors"]:
        out.print(plain(f"{one['map']}: in order"))
    for error in one["errors"]:
        err.print(plain(f"{error['message']}\n  {error.get('remedy', '')}".rstrip()), style="red", soft_wrap=True)
