"""``casebridge validate``: what is wrong with a file, before it is sent or after it was refused. Nothing is stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from casebridge.adapter import Format
from casebridge.cli.options import HERE, FolderOption, JsonOption, SettingOption, settings_of
from casebridge.cli.printing import counted, out, plain
from casebridge.core.errors import SetupError
from casebridge.core.finding import Checking, Finding
from casebridge.mapping import MapSet
from casebridge.translating import Workshop, made_format, open_workshop

HEAD = 64 * 1024  # bytes by which a format is recognised
SHOWN = 40  # kinds of findings of each level
TITLES = {"wrong": "Wrong", "doubtful": "Doubtful: may be meant", "not-checked": "Not checked"}


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to look at.")],
    format_: Annotated[str, typer.Option("--format", help="Its format, such as fhir-r4; else it is recognised.")] = "",
    expansions: Annotated[
        Path | None, typer.Option(help="A folder of expanded ValueSets (JSON), so that codes are checked too.")
    ] = None,
    set_: SettingOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = HERE,
) -> None:
    """Say what is wrong in a file, where, what was expected and what to do. Shows nothing of a person."""
    if not file.is_file():
        raise SetupError("CB-241", f"there is no file {file}", remedy="Name the file to look at.")
    workshop = open_workshop(folder)
    settings = settings_of(set_) | ({"expansions": str(expansions.resolve())} if expansions else {})
    checking = _checking(workshop, format_ or _recognised(workshop, file), settings)
    with file.open("rb") as stream:
        wrong = (_print_json if as_json else _print)(checking.check(stream))
    raise typer.Exit(5 if wrong else 0)


def _recognised(workshop: Workshop, file: Path) -> str:
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    able = [name for name, kind in sorted(workshop.registry.formats.items()) if "check" in kind.capabilities]
    found = [name for name in able if _recognises(workshop, name, head)]
    if len(found) != 1:
        seen = f"looks like {' and '.join(found)}" if found else f"is of no format with checks ({', '.join(able)})"
        raise SetupError("CB-241", f"{file.name} {seen}", remedy="Say --format NAME if it is one of them.")
    return found[0]


def _recognises(workshop: Workshop, name: str, head: bytes) -> bool:
    try:
        return _checking(workshop, name, {}).recognises(head)
    except SetupError:  # it needs settings to be made, so it must be named
        return False


def _checking(workshop: Workshop, name: str, settings: dict[str, str]) -> Checking:
    made: Format = made_format(workshop, name, settings, MapSet(name, ()), "prod")
    if not isinstance(made, Checking):
        raise SetupError("CB-241", f"the format {name} has no checks of its own",
                         remedy="casebridge translate reads such a file and says what is refused.")  # fmt: skip
    return made


def _print(findings: Iterable[Finding]) -> bool:
    """Like findings are told once, with their number and the first place: many faults of a file have a few causes."""
    told: dict[tuple[str, ...], tuple[Finding, int]] = {}
    levels: Counter[str] = Counter()
    for one in findings:
        levels[one.level] += 1
        first, times = told.get(_alike(one), (one, 0))
        told[_alike(one)] = (first, times + 1)
    for level, title in TITLES.items():
        listed = [pair for pair in told.values() if pair[0].level == level]
        if listed:
            out.print(title, style="bold")
        for first, times in listed[:SHOWN]:
            out.print(plain(_words(first, times)), soft_wrap=True)
        if len(listed) > SHOWN:
            out.print(f"  {len(listed) - SHOWN} more kinds: --json shows all.")
    out.print(plain(_sum(levels)))
    return levels["wrong"] > 0


def _alike(one: Finding) -> tuple[str, ...]:
    """What makes two findings the same fault; of what could not be checked the field does not matter."""
    field = "" if one.level == "not-checked" else "".join(c for c in one.field if not c.isdigit())
    return one.level, one.rule, one.code, one.message, one.expected, one.do, field


def _words(one: Finding, times: int) -> str:
    place = f"  {one.field} ({one.position})" if one.field else f"  {one.position}"
    more = f", and {counted(times - 1, 'place')} like it" if times > 1 else ""
    told = "; ".join([one.message, *([f"expected {one.expected}"] if one.expected else [])])
    found = f", found {one.found}" if one.found else ""
    return f"{place}{more}:\n    {told}{found}. {one.do} [{one.rule}, {one.code}]"


def _sum(levels: Counter[str]) -> str:
    said = [f"{levels['wrong']} wrong" if levels["wrong"] else "Nothing is wrong"]
    said += [f"{levels['doubtful']} doubtful"] if levels["doubtful"] else []
    said += [f"{counted(levels['not-checked'], 'place')} not checked"] if levels["not-checked"] else []
    return ", ".join(said) + "."


def _print_json(findings: Iterable[Finding]) -> bool:
    """One JSON list, written as the findings come."""
    wrong, between = False, "[\n"
    for line, is_wrong in _lines(findings):
        typer.echo(between + line, nl=False)
        wrong, between = wrong or is_wrong, ",\n"
    typer.echo("\n]" if between != "[\n" else "[]")
    return wrong


def _lines(findings: Iterable[Finding]) -> Iterator[tuple[str, bool]]:
    for one in findings:
        yield json.dumps({**asdict(one), "position": one.position.as_dict()}), one.level == "wrong"
