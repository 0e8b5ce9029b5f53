"""The schema of our native records, made from the guide: what may stand where, and which codes (for maps)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from casebridge import Natives
from casebridge.core.native import Element as Place
from casebridge_x12.guide import Element, Loop, SegmentRule, guide
from casebridge_x12.segments import KEYS

GUIDES = {"834-member": "X12 005010X220A1"}
_ENVELOPE = {"ISA": 16, "GS": 8, "ST": 3}
_PAIRED = ("03", "04", "05", "06", "07", "08")  # of PER: they are read as ``numbers``


def element(record: str, shape: Mapping[str, Any], folder: Path) -> Place | None:
    """The schema of ``x12/<record>``; X12 records have no shape. None for a record that is not read."""
    return _member() if record == "834-member" else None


NATIVES = Natives("x12", tuple(GUIDES), element)


@cache
def _member() -> Place:
    """One 2000 loop with the interchange, the group and table 1 round it."""
    source = GUIDES["834-member"]
    fields = {
        **_envelope(source), **_header(source), **_loop_fields(guide()["2000"], source),
        "member_id": _worked_out("the person's id", required=True),
        "member": _worked_out("which of the two maps applies", {"subscriber", "dependent"}, required=True),
        "eligibility_id": _worked_out("stands where the loop itself states eligibility"),
        **_reading(),
    }  # fmt: skip
    coverage = dict(fields["2300"].fields)
    coverage["coverage_id"] = _worked_out("member, line, plan and begin", required=True)
    coverage["same_day"] = _worked_out("begin and end are one day", {"Y"})
    fields["2300"] = _group(coverage, many=True, about=fields["2300"].about, source=fields["2300"].source)
    return _group(fields, about="a member of an 834 file", source=f"{source} 2000")


def _envelope(source: str) -> dict[str, Place]:
    """Table 1 and what is round it: the partner's own, read and never written."""
    return {
        tag: _group({key: Place() for key in KEYS[1 : count + 1]}, owner="theirs", about=f"{tag} of the file",
                    source=f"{source} {tag}")
        for tag, count in _ENVELOPE.items()
    }  # fmt: skip


def _header(source: str) -> dict[str, Place]:
    fields = _loop_fields(guide()["HEADER"], source)
    own = {key: fields.pop(key) for key in ("BGN", "1000A", "1000B", "1000C")}
    own["HEADER"] = _group(fields, about="the rest of table 1", source=f"{source} table 1")
    return {key: _theirs(place) for key, place in own.items()}


def _theirs(place: Place) -> Place:
    return _group(place.fields, many=place.many, owner="theirs", about=place.about, source=place.source)


def _reading() -> dict[str, Place]:
    """What the reader says about how it read."""
    return {
        "encoding": _worked_out("how the text was read", {"utf-8", "cp1252", "latin-1"}),
        "warnings": Place(many=True, owner="theirs", about="what is not in the guide"),
    }


def _worked_out(about: str, codes: Iterable[str] | None = None, *, required: bool = False) -> Place:
    return Place(codes=frozenset(codes) if codes else None, required=required, about=f"worked out: {about}")


def _loop_fields(loop: Loop, source: str) -> dict[str, Place]:
    """The segments and loops of a loop. ``unknown`` is what the guide has no room for, kept raw."""
    fields = {tag: _segment(tag, rules, loop, source) for tag, rules in loop.rules.items()}
    for child in loop.loops:
        fields[child.id] = _group(
            _loop_fields(child, source), many=child.most > 1, required=child.required and child.on_error == "hold",
            about=child.name, source=f"{source} {child.id}",
        )  # fmt: skip
    unknown = {"segment": Place("number"), "raw": Place()}
    return fields | {"unknown": _group(unknown, many=True, owner="theirs", about="segments the guide does not know")}


def _segment(tag: str, rules: list[SegmentRule], loop: Loop, source: str) -> Place:
    """One segment; where the guide has several uses of it, what any of them may hold."""
    fields: dict[str, Place] = {}
    for index in sorted({e.index for rule in rules for e in rule.elements}):
        uses = [e for rule in rules for e in rule.elements if e.index == index]
        if any(use.used for use in uses):
            fields[KEYS[index]] = _element(uses, f"{source} {loop.id} {tag}{KEYS[index]}")
    if tag == "PER":
        fields = _numbers(fields)
    held = any(rule.required and rule.on_error == "hold" for rule in rules)
    opens = rules[0] is loop.first  # without it there would be no loop
    return _group(
        fields, many=tag not in loop.singles, required=opens or held, about=rules[0].name,
        source=f"{source} {loop.id} {tag}",
    )  # fmt: skip


def _element(uses: list[Element], source: str) -> Place:
    """The first use says the name; codes close the element only where every use closes it."""
    first = uses[0]
    if first.components:
        parts = {KEYS[part.index]: _element([part], f"{source}-{KEYS[part.index]}") for part in first.components
                 if part.used}  # fmt: skip
        return _group(parts, many=first.repeats, about=first.name, source=source)
    closed = all(use.codes for use in uses)
    return Place(
        "date" if all(use.check for use in uses) else "text",
        codes=frozenset[str]().union(*(use.codes for use in uses)) if closed else None,
        required=any(use.required and use.on_error == "hold" for use in uses), about=first.name, source=source,
    )  # fmt: skip


def _numbers(fields: dict[str, Place]) -> dict[str, Place]:
    """PER03/04, 05/06 and 07/08 as the reader pairs them."""
    pair = {"kind": fields["03"], "number": fields["04"]}
    kept = {key: place for key, place in fields.items() if key not in _PAIRED}
    return kept | {"numbers": _group(pair, many=True, about="kind and number", source=fields["03"].source)}


def _group(fields: Mapping[str, Place], **said: Any) -> Place:
    return Place("group", children=lambda: fields, **said)
