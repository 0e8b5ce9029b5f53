"""``casebridge map try``: a real file through a map, line by line, on the operator's own terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from casebridge.adapter import Native
from casebridge.cli.options import HERE, FolderOption, JsonOption, SettingOption, TestOption, settings_of
from casebridge.cli.printing import counted, err, out, plain, print_json, print_rows
from casebridge.core.errors import RecordError, SetupError
from casebridge.mapping import MapSet
from casebridge.mapping.inspection import Trial, Value, attempt, not_for, usual_purpose
from casebridge.translating import Side, Workshop, made_format, open_workshop, plain_records


def map_try(
    map_: Annotated[str, typer.Argument(metavar="MAP", help="A set (sdohcc), a map (sdohcc/task) or a file.")],
    file: Annotated[Path, typer.Argument(help="A file as the partner sends it, or one record as JSON.")],
    recipient: Annotated[str, typer.Option(help="A role (cbo, hmis_lead ...): show what it would not get.")] = "",
    purpose: Annotated[str, typer.Option(help="What for: referral, referral-status, hmis, coverage-change ...")] = "",
    agreement: Annotated[list[str] | None, typer.Option(help="An agreement in force, such as BAA.")] = None,
    format_: Annotated[str, typer.Option("--format", help="Read it as this format, or as json.")] = "",
    setting: SettingOption = None,
    records: Annotated[int, typer.Option(min=1, help="Stop after so many records.")] = 1,
    record: Annotated[str, typer.Option(help="Only the record with this id of the partner's.")] = "",
    test: TestOption = False,
    every_line: Annotated[bool, typer.Option("--all", help="Also the lines that found nothing.")] = False,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """What each line of a map does to a real record. Values are shown: do this where others cannot read along."""
    workshop = open_workshop(folder)
    maps = workshop.set_of(map_)
    natives = natives_of(workshop, maps, file, format_, settings_of(setting), test)
    tried: list[dict[str, Any]] = []
    passed = 0
    for native in natives:
        if record not in ("", native.external_id):
            continue
        if len(tried) == records:
            break
        if isinstance(native, RecordError):
            err.print(plain(f"{native.message}\n  {native.remedy} [{native.code}]"), style="red", soft_wrap=True)
            continue
        facts = _facts(maps, native, recipient, purpose or usual_purpose(recipient), frozenset(agreement or ()))
        if facts is None:
            passed += 1
            continue
        tried.append(facts)
        if not as_json:
            _print_trial(facts, every_line)
    if as_json:
        print_json([_plain(facts) for facts in tried])
    elif passed:
        out.print(f"{counted(passed, 'record')} before that of a type no map of the set takes.")
    if not tried:
        raise RecordError("CB-244", f"no record of {file.name} was tried", remedy="Look at --record and --format.")
    if any(facts["trial"].error for facts in tried):
        raise typer.Exit(5)


def natives_of(
    workshop: Workshop, maps: MapSet, file: Path, format_: str, settings: dict[str, str], test: bool
) -> Iterator[Native | RecordError]:
    """The records of a file: through the format of the maps' records (or the one named), or plain JSON."""
    if not file.is_file():
        raise SetupError("CB-240", f"there is no file {file}", remedy="Name a file as the partner sends it.")
    prefix = format_ or maps.maps[0].other.partition("/")[0]
    if prefix == "json" or (file.suffix == ".json" and not format_ and prefix not in ("fhir-r4", "form")):
        return plain_records(file, maps.maps[0].other)
    made = made_format(workshop, prefix, settings, maps, "test" if test else "prod")
    return Side(prefix, made, maps).natives(file)


def _facts(maps: MapSet, native: Native, role: str, purpose: str, agreements: frozenset[str]) -> dict[str, Any] | None:
    map_ = maps.find(native.type, native.data)
    if map_ is None:
        return None
    trial = attempt(map_, native.data)
    facts: dict[str, Any] = {"native": native, "trial": trial}
    if role and not trial.error:
        goes, stays = not_for(trial.slice, role, purpose, agreements=agreements)
        facts["for"] = {"role": role, "purpose": purpose, "goes": goes, "stays": stays}
    return facts


def _print_trial(facts: dict[str, Any], every_line: bool) -> None:
    native, trial = facts["native"], facts["trial"]
    where = f", {native.position}" if native.position.as_dict() else ""
    out.print(plain(f"{native.type} {native.external_id}{where}"), style="bold", soft_wrap=True)
    out.print(plain(f"read with {trial.map.name} ({'/'.join(trial.map.path.parts[-2:])})"))
    if trial.error:
        err.print(plain(f"{trial.error.message}\n  {trial.error.remedy} [{trial.error.code}]"), style="red",
                  soft_wrap=True)  # fmt: skip
    rows = list(_lines(trial, every_line))
    own = "/".join(trial.map.path.parts[-2:])
    several = any(row["line"].rpartition(":")[0] != own for row in rows)
    for row in rows:  # the folder on a line of its own leaves room for the values
        row["line"] = row["line"].replace("/", "/\n") if several else row["line"].rpartition("/")[2]
    print_rows(rows, "Lines")
    if not every_line:
        empty = sum(not step.values for step in trial.steps)
        more = f"{counted(empty, 'more line')} found nothing; --all shows them."
        out.print(more if empty else "Every line found something.")
    for title, places in (("Kept with the partner's record, read by no line", trial.kept),
                          ("Ignored on purpose", trial.ignored)):  # fmt: skip
        if places:
            print_rows([{"place": place, "value": short(value)} for place, value in places], title)
    for note in trial.notes:
        out.print(plain(f"note: {note}"), style="yellow", soft_wrap=True)
    _print_recipient(facts.get("for"))


def _print_recipient(asked: dict[str, Any] | None) -> None:
    if asked is None:
        return
    out.print(plain(f"{asked['role']} for {asked['purpose']}: {counted(len(asked['goes']), 'value')} would go, "
                    f"{len(asked['stays'])} would not (no consent on file is assumed)"))  # fmt: skip
    rows = [{"stays here": w.path, "why": w.why, "rule": ", ".join(w.rules)} for w in asked["stays"]]
    print_rows(rows, "Would not go")


def _lines(trial: Trial, every_line: bool) -> Iterator[dict[str, Any]]:
    for step in trial.steps:
        for value in step.values:
            yield {"line": step.row.where, "there": value.other or "(nothing: if_missing)", "here": value.case,
                   "what": _said(value)}  # fmt: skip
        if every_line and not step.values:
            what = "not found" if step.row.way != "export" else "only written, never read"
            yield {"line": step.row.where, "there": step.row.other, "here": step.row.case, "what": what}


def _said(value: Value) -> str:
    return f"{short(value.old)} -> {short(value.new)}" if value.converted else short(value.new)


def short(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict) and set(value) == {"absent"}:
        return f"absent: {value['absent']}"
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return ", ".join(short(v) if isinstance(value, list) else f"{k}={short(v)}" for k, v in inner)[:200]
    return str(value)[:200]


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """A trial for programs."""
    native: Native = facts["native"]
    trial: Trial = facts["trial"]
    lines = [{"line": s.row.where, "case": s.row.case, "other": s.row.other,
              "values": [dataclasses.asdict(v) for v in s.values]} for s in trial.steps]  # fmt: skip
    told = {"type": native.type, "id": native.external_id, "position": str(native.position), "map": trial.map.name,
            "slice": trial.slice, "kept": dict(trial.kept), "ignored": dict(trial.ignored), "notes": trial.notes,
            "error": trial.error.message if trial.error else None, "lines": lines}  # fmt: skip
    if "for" in facts:
        told["recipient"] = {**facts["for"], "stays": [dataclasses.asdict(w) for w in facts["for"]["stays"]]}
    return told
