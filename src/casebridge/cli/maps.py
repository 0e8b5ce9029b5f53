"""``casebridge map``: look at maps and try them. Plain files; no site, no store, no server."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from casebridge.cli.map_records import map_try
from casebridge.cli.map_views import map_coverage, map_diff, map_explain, map_schema_, map_show
from casebridge.cli.options import HERE, FolderOption, JsonOption
from casebridge.cli.printing import counted, err, out, plain, print_json, print_rows
from casebridge.mapping.checking import Finding, Verdict
from casebridge.translating import Checked, check_sets, checked, facts_of, open_workshop

app = typer.Typer(no_args_is_help=True, help="Maps: check them, look at them, try them on a file.")
app.command("show")(map_show)
app.command("try")(map_try)
app.command("explain")(map_explain)
app.command("diff")(map_diff)
app.command("coverage")(map_coverage)
app.command("schema")(map_schema_)
ARROWS = {"import": "<-", "export": "->"}


@app.command("check")
def map_check(
    names: Annotated[list[str] | None, typer.Argument(help="Sets, maps or files; without any, all there are.")] = None,
    every_line: Annotated[bool, typer.Option("--all", help="Every line and direction, and all notes.")] = False,
    runs: Annotated[int, typer.Option(min=0, help="Generated records sent both ways; 0 for none.")] = 2000,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Is every map in order? What is wrong, where, what would go wrong, and what to write instead."""
    workshop = open_workshop(folder)
    found: list[Checked] = []
    for path in workshop.all_paths(names or ()):
        found.append(checked(workshop, path, runs))
        if not as_json:
            _print_checked(found[-1], every_line)
    clashes = [finding for _, finding in check_sets(workshop, found)]
    if as_json:
        print_json({"maps": [one.facts() for one in found], "sets": [facts_of(finding) for finding in clashes]})
    for finding in () if as_json else clashes:
        _print_finding(finding, "red")
    bad = sum(not one.report.ok for one in found)
    if not as_json:
        wrong = [f"{bad} with errors"] if bad else []
        wrong += [f"{counted(len(clashes), 'error')} of a set"] if clashes else []
        out.print(f"{counted(len(found), 'map')}: {', '.join(wrong) or 'in order'}")
    raise typer.Exit(4 if bad or clashes else 0)


def _print_checked(one: Checked, every_line: bool) -> None:
    counts = ", ".join(f"{one.count(v)} {v}" for v in ("lossless", "canonical", "lossy", "one-way") if one.count(v))
    notes = f"; {counted(len(one.report.notes), 'note')}" if one.report.notes else ""
    said = counted(len(one.report.errors), "error") if one.report.errors else "in order"
    out.print(plain(f"{one.name} ({one.path.name}): {said}. {counts}{notes}"), soft_wrap=True)
    for finding in one.report.errors:
        _print_finding(finding, "red")
    for finding in one.report.notes if every_line else ():
        _print_finding(finding, "yellow")
    if every_line:
        print_rows([_row(v) for v in one.report.verdicts], "Every line")
    for said in dict.fromkeys(_short(v) for v in one.report.verdicts if v.verdict in ("lossy", "one-way")):
        if not every_line:
            out.print(plain(f"    {said}"), soft_wrap=True)


def _print_finding(finding: Finding, style: str) -> None:
    """Where, what, what would go wrong, what to write: a line each."""
    place = finding.place
    err.print(plain(f"{place.file}:{place.line}:{place.column}: {finding.message} [{finding.code}]"), style=style,
              soft_wrap=True)  # fmt: skip
    for said in (finding.example, finding.remedy):
        if said:
            err.print(plain(f"    {said}"), soft_wrap=True)


def _row(verdict: Verdict) -> dict[str, Any]:
    why = "; ".join(filter(None, (verdict.why, verdict.witness, f"signed: {verdict.signed}" if verdict.signed else "")))
    return {"line": verdict.place.short, "here": verdict.case, "": ARROWS[verdict.way], "there": verdict.other,
            "verdict": verdict.verdict, "why": why}  # fmt: skip


def _short(verdict: Verdict) -> str:
    """A line of the short report."""
    why = "; ".join(filter(None, (verdict.why, f"signed: {verdict.signed}" if verdict.signed else "")))
    where = f"{verdict.place.short}: {verdict.case} {ARROWS[verdict.way]} {verdict.other}"
    return f"{where}: {verdict.verdict}{f' ({why})' if why else ''}"
