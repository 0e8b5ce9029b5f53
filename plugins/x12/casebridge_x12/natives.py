"""The schema of our native records, made from the guides: what may stand where, and which codes (for maps)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from casebridge import Natives
from casebridge.core.native import Element as Place
from casebridge_x12.guide import ENROLLMENT, RESPONSE, Element, Loop, SegmentRule, guide
from casebridge_x12.members import TABLE_1
from casebridge_x12.segments import KEYS

SOURCES = {ENROLLMENT: "X12 005010X220A1", RESPONSE: "X12 005010X279A1"}
_ENVELOPE = {"ISA": 16, "GS": 8, "ST": 3}
_PAIRED = ("03", "04", "05", "06", "07", "08")  # of PER: they are read as ``numbers``


def element(record: str, shape: Mapping[str, Any], folder: Path) -> Place | None:
    """The schema of ``x12/<record>``; X12 records have no shape. None for a record that is not read."""
    return _RECORDS[record]() if record in _RECORDS else None


@cache
def _member() -> Place:
    """One 2000 loop of an 834 with the interchange, the group and table 1 round it."""
    source = SOURCES[ENROLLMENT]
    header = _loop_fields(guide()["HEADER"], source)
    own = {key: header.pop(key) for key in TABLE_1 if key in header}
    own["HEADER"] = _group(header, about="the rest of table 1", source=f"{source} table 1")
    fields = {
        **_around(own, source), **_loop_fields(guide()["2000"], source), **_person(),
        "eligibility_id": _worked_out("stands where the loop itself states eligibility"),
    }  # fmt: skip
    fields["2300"] = _with(fields["2300"], {
        "coverage_id": _worked_out("member, line, plan and begin", required=True),
        "same_day": _worked_out("begin and end are one day", {"Y"}),
    })  # fmt: skip
    return _group(fields, about="a member of an 834 file", source=f"{source} 2000")


@cache
def _answer() -> Place:
    """One 2000C or 2000D of a 271, with the payer, the asker and, for a dependent, the subscriber round it."""
    source, loops = SOURCES[RESPONSE], guide(RESPONSE)
    own = _loop_fields(loops["HEADER"], source)
    own |= {name: _group(_loop_fields(loops[name], source), about=loops[name].name) for name in ("2000A", "2000B")}
    fields = _loop_fields(loops["2000"], source)
    own["subscriber"] = _group(fields, about="the subscriber of a dependent", source=f"{source} 2000C")
    reject = {
        "id": _worked_out("person, inquiry and reason", required=True), "action": Place(about="AAA04"),
        "reason": Place(about="AAA03", required=True),
    }  # fmt: skip
    fields |= {
        **_around(own, source), **_person(), "2100": _with(fields["2100"], {"2110": _benefit(fields["2100"])}),
        "rejects": _group(reject, many=True, about="why the payer did not answer", source=f"{source} 2100C AAA"),
    }  # fmt: skip
    return _group(fields, about="what a 271 answers about one person", source=f"{source} 2000C")


def _benefit(person: Place) -> Place:
    return _with(person.fields["2110"], {
        "coverage_id": _worked_out("person, insurance type, service types and plan, where EB01 is 1 to 8"),
        "begin": Place("date", about="worked out: the day the coverage begins"),
        "end": Place("date", about="worked out: its last day"),
    })  # fmt: skip


_RECORDS = {"834-member": _member, "271-eligibility": _answer}
NATIVES = Natives("x12", tuple(_RECORDS), element, text=True)


def _around(own: Mapping[str, Place], source: str) -> dict[str, Place]:
    """The envelope, table 1 and the levels above: the partner's own, read and never written."""
    envelope = {
        tag: _group({key: Place() for key in KEYS[1 : count + 1]}, about=f"{tag} of the file", source=f"{source} {tag}")
        for tag, count in _ENVELOPE.items()
    }  # fmt: skip
    return {key: _theirs(place) for key, place in {**envelope, **own}.items()}


def _person() -> dict[str, Place]:
    """Who it is, and what the reader says about how it read."""
    return {
        "member_id": _worked_out("the person's id"),
        "member": _worked_out("which of the two maps applies", {"subscriber", "dependent"}, required=True),
        "encoding": _worked_out("how the text was read", {"utf-8", "cp1252", "latin-1"}),
        "warnings": Place(many=True, owner="theirs", about="what is not in the guide"),
    }


def _with(place: Place, more: Mapping[str, Place]) -> Place:
    fields = {**place.fields, **more}
    return replace(place, children=lambda: fields)


def _theirs(place: Place) -> Place:
    return replace(place, owner="theirs", required=False)


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
    """The first use says the name. Codes close the element only where the reader holds a record with another one:

    elsewhere payers' companion guides add codes of their own, and an overlay may give them rows.
    """
    first = uses[0]
    if first.components:
        parts = {KEYS[part.index]: _element([part], f"{source}-{KEYS[part.index]}") for part in first.components
                 if part.used}  # fmt: skip
        return _group(parts, many=first.repeats, about=first.name, source=source)
    closed = all(use.codes and use.on_error == "hold" for use in uses)
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
