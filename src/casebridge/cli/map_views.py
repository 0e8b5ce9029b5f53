"""``casebridge map show | explain | diff | coverage | schema``: a map read by people and editors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from casebridge.cli.map_records import natives_of, short
from casebridge.cli.options import HERE, FolderOption, JsonOption, SettingOption, TestOption, settings_of
from casebridge.cli.printing import counted, err, out, plain, print_json, print_rows
from casebridge.core.errors import CaseBridgeError, RecordError, SetupError
from casebridge.mapping import Map
from casebridge.mapping.inspection import (
    Coverage,
    Row,
    attempt,
    differences,
    effective_yaml,
    lines_about,
    map_schema,
    rows,
    tree_of,
)  # fmt: skip
from casebridge.mapping.inspection.search import bare
from casebridge.mapping.notation import Entries, load, nearest
from casebridge.translating import Workshop, checked, open_workshop
from casebridge.translating.whole_file import check_place

MapArgument = Annotated[str, typer.Argument(metavar="MAP", help="A map (sdohcc/task) or a file.")]
SHOWN = 30
ARROWS = {"both": "<->", "import": "<-", "export": "->", "neither": ""}


def map_show(
    map_: MapArgument,
    compiled: Annotated[bool, typer.Option("--compiled", help="The Python that runs it instead.")] = False,
    folder: FolderOption = HERE,
) -> None:
    """The map that counts, its overlays laid on; each line says which file it comes from."""
    workshop = open_workshop(folder)
    found = workshop.one(map_)
    said = found.compiled_source() if compiled else effective_yaml(tree_of(found.path, workshop.folders))
    out.print(plain(said), soft_wrap=True)


def map_explain(
    map_: MapArgument,
    path: Annotated[str, typer.Argument(help="A field on either side: names.family, or DOB.")],
    file: Annotated[Path | None, typer.Argument(help="A record to show it with.")] = None,
    format_: Annotated[str, typer.Option("--format", help="Read the file as this format, or as json.")] = "",
    setting: SettingOption = None,
    test: TestOption = False,
    folder: FolderOption = HERE,
) -> None:
    """Where a field comes from and where it goes: lines, codes, converters, and what is lost."""
    workshop = open_workshop(folder)
    found = workshop.one(map_)
    about = lines_about(found.definition, path)
    if not about:
        raise SetupError("CB-240", f"no line of {found.name} speaks of `{path}`{_why_not(workshop, found, path)}",
                         remedy=f"casebridge map show {map_} shows every line.")  # fmt: skip
    verdicts = checked(workshop, found.path, 0).report.verdicts
    for row in about:
        _print_row(row)
        for verdict in (v for v in verdicts if v.place == row.line.place and v.verdict != "lossless"):
            why = "; ".join(filter(None, (verdict.why, verdict.witness)))
            out.print(plain(f"    {verdict.way}: {verdict.verdict}{f' ({why})' if why else ''}"), soft_wrap=True)
    if file is not None:
        natives = natives_of(workshop, workshop.set_of(map_), file, format_, settings_of(setting), test)
        for native in natives:
            if not isinstance(native, RecordError) and found.matches(native.data) and native.type == found.other:
                _print_values(found, native.data, about)
                return
        out.print(plain(f"No record of {file.name} is one for this map."))


def map_diff(
    old: Annotated[str, typer.Argument(help="A map or a file.")],
    new: Annotated[str, typer.Argument(help="Another, or a newer version of it.")],
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """What another map does otherwise, field by field. Ends with 1 when there is a difference."""
    workshop = open_workshop(folder)
    found = differences(workshop.one(old).definition, workshop.one(new).definition)
    listed = [{"what": d.what, "field": d.where, "how": d.said} for d in found]
    if as_json:
        print_json(listed)
    else:
        print_rows(listed, "Differences")
    raise typer.Exit(1 if found else 0)


def map_coverage(
    maps: Annotated[str, typer.Argument(help="A set, a map or a file.")],
    files: Annotated[list[Path], typer.Argument(help="Samples: files, or folders of them.")],
    format_: Annotated[str, typer.Option("--format", help="Read them as this format, or as json.")] = "",
    setting: SettingOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every field that is only kept.")] = False,
    test: TestOption = False,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Which values of samples no line of the maps reads: claimed, ignored on purpose, or only kept."""
    workshop = open_workshop(folder)
    set_ = workshop.set_of(maps)
    covered: dict[str, Coverage] = {}
    passed: Counter[str] = Counter()
    for file in _files(files):
        try:
            for native in natives_of(workshop, set_, file, format_, settings_of(setting), test):
                if isinstance(native, RecordError):
                    raise native
                map_ = set_.find(native.type, native.data)
                if map_ is None:
                    passed[native.type] += 1
                else:
                    covered.setdefault(native.type, Coverage()).add(map_, native.data)
        except CaseBridgeError as error:
            err.print(plain(f"{file.name}: {error.message} [{error.code}]"), style="yellow", soft_wrap=True)
    if as_json:
        print_json({"types": {t: _coverage_facts(c) for t, c in covered.items()}, "without a map": passed})
    else:
        _print_coverage(covered, passed, every)


def map_schema_(
    out_file: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
    folder: FolderOption = HERE,
) -> None:
    """The JSON Schema of map files: with it an editor completes case paths, words and converters as you type."""
    workshop = open_workshop(folder)
    schema = map_schema(workshop.converters, (m.definition for m in workshop.all_maps()))
    if out_file is not None:
        check_place(out_file, *workshop.all_paths(()))
    text = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    if out_file is None:
        out.print(plain(text), soft_wrap=True, end="")
        return
    out_file.write_text(text, encoding="utf-8")
    out.print(plain(f"Written. First line of a map:\n# yaml-language-server: $schema={out_file}"), soft_wrap=True)


def _why_not(workshop: Workshop, map_: Map, path: str) -> str:
    """Where an overlay drops the line, or which path may be meant."""
    if map_.definition.base and (below := lines_about(workshop.one(map_.definition.base).definition, path)):
        return f": {below[0].where} has it, and {_dropped(map_.path, path)} drops it"
    slots = [f"{slot}." for slot in map_.definition.case]
    sides = {bare(side) for row in rows(map_.definition) for side in (row.case, row.other)}
    return nearest(path, sides | {side.removeprefix(slot) for side in sides for slot in slots})


def _dropped(file: Path, path: str) -> str:
    """The place in an overlay's file that drops the line of a path."""
    fields = load(file).get("fields")
    for case, place in fields.keys.items() if isinstance(fields, Entries) else ():
        if bare(path).endswith(bare(case)) or f".{bare(path)}".find(f".{bare(case)}.") >= 0:
            return place.short
    return "/".join(file.parts[-2:])


def _print_row(row: Row) -> None:
    out.print(plain(f"{row.where}  {row.case} {ARROWS[row.way]} {row.other}"), style="bold", soft_wrap=True)
    for said in row.how:
        out.print(plain(f"    {said}"), soft_wrap=True)
    for code in row.table.rows if row.table else ():
        out.print(plain(f"        {code.case} {ARROWS[code.way]} {code.other}"))
    if row.table:
        out.print(plain(f"        any other code: {row.table.otherwise}"))
    if row.loss:
        out.print(plain(f"    loss: {row.loss}"), soft_wrap=True)


def _print_values(map_: Map, data: dict[str, Any], about: list[Row]) -> None:
    lines = [row.line for row in about]
    found = [v for step in attempt(map_, data).steps if any(step.row.line is line for line in lines)
             for v in step.values]  # fmt: skip
    print_rows([{"there": v.other, "value": short(v.old), "here": v.case, "becomes": short(v.new)} for v in found],
               "In this record")  # fmt: skip


def _files(given: list[Path]) -> Iterator[Path]:
    for path in given:
        if not path.exists():
            raise SetupError("CB-240", f"there is no file {path}", remedy="Name a file or a folder of samples.")
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _coverage_facts(found: Coverage) -> dict[str, Any]:
    return {"records": found.records, "values": found.values, "claimed": found.claimed, "ignored": found.ignored,
            "kept": found.kept}  # fmt: skip


def _print_coverage(covered: dict[str, Coverage], passed: Counter[str], every: bool) -> None:
    listed = [{"record": type_, "records": c.records, "values": c.values, "claimed": f"{c.share(c.claimed):.0%}",
             "ignored": f"{c.share(c.ignored):.0%}", "only kept": f"{c.share(c.kept):.0%}",
             "claimed of not ignored": f"{c.claimed_of_read:.0%}"}
            for type_, c in sorted(covered.items())]  # fmt: skip
    print_rows(listed, "Coverage", whole="record")
    for type_, found in sorted(covered.items()):
        kept = found.kept.most_common(None if every else SHOWN)
        if kept:
            print_rows([{"field": place, "values": count} for place, count in kept], f"{type_}: read by no line")
        if len(kept) < len(found.kept):
            out.print(f"{counted(len(found.kept) - len(kept), 'more field')}: --all shows.")
    for type_, count in passed.most_common():
        out.print(plain(f"{type_}: {counted(count, 'record')} no map takes"))
