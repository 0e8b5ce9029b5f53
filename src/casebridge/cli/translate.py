"""``casebridge translate``: a file from one notation to another, and what was lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from casebridge.cli.options import HERE, FolderOption, TestOption, settings_of
from casebridge.cli.printing import counted, err, out, plain, print_rows
from casebridge.translating import Report, open_workshop, side
from casebridge.translating import translate as translate_file
from casebridge.translating.intake import Tell

SHOWN = 20
NOTES = {
    "not read": "Values that no line of the source's maps reads",
    "no room": "Values that no line of the target's maps writes",
    "replaced": "Values of an earlier record that the later one of the same id, which counts, does not have",
    "not taken": "Values of people who are in the file beside already, which it does not have; they are not added",
    "no map": "Records no map of the source takes",
    "no place": "Records the target has no place for",
    "held": "Records left out for the sake of others",
    "refused in all": "Why records were refused, where several were for one reason",
    "refused": "Records refused",
}


def translate(
    file: Annotated[Path, typer.Argument(metavar="IN", help="The file to translate.")],
    to_file: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; there whole, or not at all.")],
    from_: Annotated[str, typer.Option("--from", help="A format or set of maps: x12, hmis-2024, sdohcc ...")],
    to: Annotated[str, typer.Option("--to", help="A format or set of maps.")],
    loss_report: Annotated[Path | None, typer.Option(help="Write all that was lost to this .csv or .json.")] = None,
    set_from: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of IN's format.")] = None,
    set_to: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of OUT's format.")] = None,
    beside: Annotated[
        Path | None, typer.Option(help="A file of the target's own, such as an HMIS export, that has the enrollments.")
    ] = None,
    drop_labels: Annotated[
        bool, typer.Option("--drop-labels", help="Also records whose protecting labels the target cannot hold.")
    ] = False,
    test: TestOption = False,
    folder: FolderOption = HERE,
) -> None:
    """Translate a file you hold into another notation, through the case model, and say what was lost."""
    workshop = open_workshop(folder)
    source = side(workshop, from_, settings_of(set_from), "test" if test else "prod")
    target = side(workshop, to, settings_of(set_to), "test" if test else "prod")
    with _progress() as tell:
        report = translate_file(file, source, to_file, target, tell, beside=beside, drop_labels=drop_labels,
                                saved=loss_report)  # fmt: skip
    _print(report, to_file, loss_report)
    raise typer.Exit(5 if report.refusals else 0)


def _print(report: Report, out_file: Path, saved: Path | None) -> None:
    written = ", ".join(f"{count} {type_}" for type_, count in report.written.items())
    out.print(plain(f"{counted(report.read, 'record')} read; written to {out_file}: {written}"), soft_wrap=True)
    if report.met:
        out.print(f"{counted(report.met, 'person')} in the file beside already: not written anew.")
    rows = list(report.rows())
    for what, title in NOTES.items():
        found = [row for row in rows if row[0] == what]
        shown = [{"where": where, "how many": count, "why": f"{why} ({code})" if code else why}
                 for _, where, count, code, why in found[:SHOWN]]  # fmt: skip
        if found:
            print_rows([{k: v for k, v in row.items() if v != ""} for row in shown], title)
        if len(found) > SHOWN:
            more = f"{len(found) - SHOWN} more in {saved}" if saved else "more: say --loss-report FILE"
            out.print(plain(more))
    if not rows:
        out.print("Nothing was lost.")


@contextmanager
def _progress() -> Iterator[Tell]:
    """A line that moves on a terminal; nothing where nobody looks."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("")

        def tell(doing: str, count: int) -> None:
            if count % 100 == 0:
                progress.update(task, description=f"{doing}: {count} records")

        yield tell
