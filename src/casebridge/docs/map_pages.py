"""A page for each shipped map, generated from the map: both sides of every line, codes, losses, examples."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from casebridge.docs.markdown import code, codes, table
from casebridge.mapping import Map
from casebridge.mapping.checking import Verdict
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.inspection import Row, rows
from casebridge.translating import Checked, Workshop, checked, open_workshop

ARROWS = {"both": "⟷", "import": "⟵", "export": "⟶", "neither": ""}
WORST = ("lossy", "one-way", "canonical", "lossless")
UNLISTED = {"refuse": "holds the record", "keep": "goes through as it is", "report": "is left out and reported"}
MANY = 60  # codes beyond this stay in their file


@cache
def workshop() -> Workshop:
    """The shipped maps, whatever folder this is run in."""
    return open_workshop(Path("/nonexistent"))


@cache
def shipped() -> tuple[Checked, ...]:
    """Every shipped map with the checker's verdicts, in the order of their files."""
    return tuple(checked(workshop(), path, 0) for path in workshop().all_paths(()))


def page_name(one: Checked) -> str:
    """``maps/sdohcc/task.md``, where the map is ``mappings/sdohcc/task.yaml``."""
    return f"maps/{one.path.parent.name}/{one.path.stem}.md"


def map_pages() -> dict[str, str]:
    """Every map's page, and the index."""
    return {page_name(one): _page(one) for one in shipped()} | {"maps/README.md": _index()}


def _index() -> str:
    found = [
        (f"[{one.name}]({page_name(one).removeprefix('maps/')})", code(one.map.other), codes(one.map.case),
         one.map.definition.about, *(str(one.count(v)) for v in reversed(WORST)))
        for one in shipped() if one.map
    ]  # fmt: skip
    return "\n".join([
        "# The maps that come with CaseBridge\n",
        "Each is one file that translates records both ways. What a line does to a value, each way: *lossless* keeps "
        "it, *canonical* spells it otherwise and means the same, *lossy* may lose something and says why, *one-way* "
        "goes one way only. The counts are lines and directions. Which shares of the partners' fields are read is in "
        "[coverage](coverage.md); how to write a map is in [Write a map](../../guides/mapping.md).\n",
        table(["map", "partner's record", "fills", "about", *reversed(WORST)], found),
    ])  # fmt: skip


def _page(one: Checked) -> str:
    if one.map is None:
        return f"# {one.name}\n\nThis map cannot be read: {one.report.errors[0].message}.\n"
    map_, found = one.map, rows(one.map.definition)
    parts = [f"# {map_.name}\n", f"{map_.definition.about or f'{map_.other} and {codes(map_.case)}'}. The map itself: "
             f"[{one.path.parent.name}/{one.path.name}](../../../../mappings/{one.path.parent.name}/{one.path.name}).\n",
             _head(map_), "## Lines\n", _lines(found, one.report.verdicts)]  # fmt: skip
    return "\n".join([*parts, *_tables(found), *_losses(one.report.verdicts), *_examples(map_)])


def _head(map_: Map) -> str:
    d = map_.definition
    parents = map_.shape.get("parents") or {}
    told = [
        ("fills", codes(map_.case)), ("partner's record", code(map_.other)), ("lies over", code(d.base)),
        ("one way only", d.only), ("reads records with", codes(map(str, d.match))),
        ("writes records with", codes(map(str, d.when))),
        ("reads beside it", ", ".join(f"`{name}` ({p.get('type', '')})" for name, p in parents.items())),
        ("what no line reads", {"keep": "is kept with the partner's record", "report": "is kept and reported",
                                "refuse": "holds the record"}[map_.rest]),
        ("ignored on purpose", codes(str(path) for path in d.ignore)), ("lists told in full", codes(d.complete)),
    ]  # fmt: skip
    return table(["", ""], [(name, said) for name, said in told if said])


def _lines(found: Iterable[Row], verdicts: Iterable[Verdict]) -> str:
    by_line: dict[tuple[Any, str], list[str]] = {}
    for verdict in verdicts:
        by_line.setdefault((verdict.place, verdict.way), []).append(verdict.verdict)
    return table(
        ["case model", "", "partner", "how", "read", "written", "line"],
        [(code(row.case), ARROWS[row.way], code(row.other), "; ".join(row.how),
          *(_worst(by_line.get((row.line.place, way), [])) for way in ("import", "export")),
          row.where.rpartition("/")[2])
         for row in found],
    )  # fmt: skip


def _worst(verdicts: list[str]) -> str:
    return min(verdicts, key=WORST.index, default="")


def _tables(found: Iterable[Row]) -> Iterable[str]:
    known: dict[str, CodeTable] = {row.table.name: row.table for row in found if row.table}
    if known:
        yield "\n## Codes\n"
    for name, one in known.items():
        loss = f" Loss: {one.loss}." if one.loss else ""
        yield f"### {name}\n\nA code that is not listed {UNLISTED[one.otherwise]}.{loss}\n"
        yield table(["case model", "", "partner"],
                    [(code(str(r.case)), ARROWS[r.way], code(str(r.other))) for r in one.rows[:MANY]])  # fmt: skip
        if len(one.rows) > MANY:
            yield f"And {len(one.rows) - MANY} more in `{Path(one.rows[0].place.file).name}`.\n"


def _losses(verdicts: Iterable[Verdict]) -> Iterable[str]:
    lossy = [(code(v.case), ARROWS[v.way], code(v.other), "; ".join(filter(None, (v.why, v.witness))), v.signed)
             for v in verdicts if v.verdict == "lossy"]  # fmt: skip
    if lossy:
        yield "\n## What may be lost\n"
        yield table(["case model", "", "partner", "what, with an example", "why it is right"], lossy)
    one_way = [(code(v.case), ARROWS[v.way], code(v.other), v.why, v.signed)
               for v in verdicts if v.verdict == "one-way"]  # fmt: skip
    if one_way:
        yield "\n## One way only\n"
        yield table(["case model", "", "partner", "why", "signed"], one_way)


def _examples(map_: Map) -> Iterable[str]:
    if map_.definition.examples:
        yield "\n## Examples\n\nEach is a test.\n"
    for example in map_.definition.examples:
        way = "" if example.way == "both" else f" ({example.way} only)"
        yield f"### {(example.about or 'an example').replace('`', '')}{way}\n\nHere:\n\n{_json(example.case)}\n"
        yield f"With the partner:\n\n{_json(example.other)}\n"


def _json(value: Any) -> str:
    return f"```json\n{_laid_out(value, '')}\n```"


def _laid_out(value: Any, pad: str) -> str:
    """JSON with a line for each field of the first levels and short values on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + len(pad) <= 110 or not isinstance(value, dict | list):
        return flat
    inner = pad + "  "
    if isinstance(value, dict):
        found = [f"{json.dumps(k, ensure_ascii=False)}: {_laid_out(v, inner)}" for k, v in value.items()]
    else:
        found = [_laid_out(v, inner) for v in value]
    marks = "{}" if isinstance(value, dict) else "[]"
    return marks[0] + "\n" + ",\n".join(inner + one for one in found) + "\n" + pad + marks[1]
