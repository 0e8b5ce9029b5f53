"""What a search asks for (FHIR R4, search 3.1.1): each criterion as keys that narrow, and a test that decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from casebridge.core.errors import RecordError
from casebridge_fhir.door.parameters import Parameter, folded, heads, keys_of, parameters, types
from casebridge_fhir.references import local_reference

Test = Callable[[Mapping[str, Any]], bool]
PREFIXES = ("eq", "ne", "ge", "gt", "le", "lt")
MODIFIERS = {"token": ("not", "missing"), "string": ("exact", "contains", "missing"), "date": ("missing",),
             "reference": ("identifier", "missing"), "uri": ("missing",), "composite": ("missing",)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Criterion:
    """``keys``: one of them must be there (None: any resource may do). ``test``: decides where keys cannot."""

    name: str
    keys: frozenset[str] | None
    test: Test | None = None


def criterion(type_: str, name: str, modifier: str, text: str, base: str) -> Criterion:
    """One parameter of a query; its values, divided by commas, are alternatives. RecordError CB-348 if it is wrong."""
    parameter = parameters(type_)[name]
    if modifier and modifier not in MODIFIERS[parameter.kind]:
        known = ", ".join(MODIFIERS[parameter.kind])
        raise wrong(f"{name}:{modifier}", "this modifier is not supported here", f"one of: {known}")
    if modifier == "missing":
        return _missing(parameter, text)
    values = [value for value in text.replace("\\,", "\x00").split(",") if value]
    values = [value.replace("\x00", ",") for value in values]
    if not values:
        raise wrong(name, "no value is given", "a value")
    return _OF[parameter.kind](parameter, modifier, values, base)


def wrong(name: str, what: str, expected: str) -> RecordError:
    """The error for a query that cannot be understood; values are not repeated."""
    return RecordError("CB-348", what, field=name, expected=expected)


def _missing(parameter: Parameter, text: str) -> Criterion:
    if text not in ("true", "false"):
        raise wrong(f"{parameter.name}:missing", "this says neither yes nor no", "true or false")
    wanted = text == "false"
    return Criterion(parameter.name, None, lambda resource: any(True for _ in parameter.values(resource)) is wanted)


def _token(parameter: Parameter, modifier: str, values: list[str], base: str) -> Criterion:
    wanted = frozenset(value if "|" in value else f"?{value}" for value in values)
    systems = tuple(value for value in values if value.endswith("|"))

    def bears(resource: Mapping[str, Any]) -> bool:
        keys = set(keys_of(parameter, resource))
        return bool(wanted & keys) or any(key.startswith(systems) for key in keys)

    if modifier == "not":
        return Criterion(parameter.name, None, lambda resource: not bears(resource))
    return Criterion(parameter.name, None, bears) if systems else Criterion(parameter.name, wanted)


def _composite(parameter: Parameter, modifier: str, values: list[str], base: str) -> Criterion:
    parts = [value.split("$") for value in values]
    if any(len(two) != 2 for two in parts):
        raise wrong(parameter.name, "this is made of two values", "code$value")
    return Criterion(parameter.name, frozenset(
        "$".join(part if "|" in part else f"?{part}" for part in two) for two in parts))  # fmt: skip


def _reference(parameter: Parameter, modifier: str, values: list[str], base: str) -> Criterion:
    if modifier == "identifier":
        return Criterion(parameter.name, frozenset(f"@{v if '|' in v else f'?{v}'}" for v in values))
    local = [local_reference(value, base) for value in values]
    targets = parameter.targets or types()
    meant = ([value] if "/" in value else [f"{type_}/{value}" for type_ in targets] for value in local)
    return Criterion(parameter.name, frozenset(one for several in meant for one in several))


def _string(parameter: Parameter, modifier: str, values: list[str], base: str) -> Criterion:
    tests: dict[str, Callable[[str, str], bool]] = {
        "exact": lambda have, want: have == want,
        "contains": lambda have, want: folded(want) in folded(have),
        "": lambda have, want: folded(have).startswith(folded(want)),
    }
    fits = tests[modifier]

    def test(resource: Mapping[str, Any]) -> bool:
        return any(isinstance(have, str) and fits(have, want) for have in parameter.values(resource) for want in values)

    longest = [heads(folded(value))[-1:] for value in values]
    narrow = modifier != "contains" and all(longest)
    return Criterion(parameter.name, frozenset(head for head, *_ in longest) if narrow else None, test)


def _uri(parameter: Parameter, modifier: str, values: list[str], base: str) -> Criterion:
    return Criterion(parameter.name, frozenset(values))


def _date(parameter: Parameter, modifier: str, values: list[str], base: str) -> Criterion:
    wanted = [bounds(parameter.name, value) for value in values]

    def test(resource: Mapping[str, Any]) -> bool:
        there = [span for value in parameter.values(resource) if (span := _span(value)) is not None]
        return any(_compared(prefix, have, want) for have in there for prefix, want in wanted)

    return Criterion(parameter.name, None, test)


_OF: dict[str, Callable[[Parameter, str, list[str], str], Criterion]] = {
    "token": _token, "composite": _composite, "reference": _reference, "string": _string, "uri": _uri, "date": _date,
}  # fmt: skip
Span = tuple[datetime, datetime]
_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def bounds(name: str, text: str) -> tuple[str, Span]:
    """Prefix, and the moments from and before which a date of any precision reaches. RecordError CB-348."""
    prefix, said = (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)
    span = moments(said)
    if span is None:
        raise wrong(name, "this is no date", "a date such as ge2026-11-01, with one of " + ", ".join(PREFIXES))
    return prefix, span


def moments(text: str) -> Span | None:
    """From when to before when a FHIR date, dateTime or instant reaches; None for what is none."""
    try:
        if len(text) == 4:
            return _day(date(int(text), 1, 1), date(int(text) + 1, 1, 1))
        if len(text) == 7:
            first = date(int(text[:4]), int(text[5:]), 1)
            return _day(first, (first + timedelta(days=31)).replace(day=1))
        if len(text) == 10:
            day = date.fromisoformat(text)
            return _day(day, day + timedelta(days=1))
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    step = timedelta(minutes=1) if len(text.partition("T")[2]) < 8 else timedelta(seconds=1)
    step = timedelta(milliseconds=1) if moment.microsecond or "." in text else step
    try:
        return moment, moment + step
    except OverflowError:  # the last second that there is
        return moment, _EVER[1]


def _day(first: date, after: date) -> Span:
    return datetime(first.year, first.month, first.day, tzinfo=UTC), datetime(
        after.year, after.month, after.day, tzinfo=UTC)  # fmt: skip


def _span(value: Any) -> Span | None:
    if isinstance(value, str):
        return moments(value)
    if not isinstance(value, Mapping):
        return None
    start = moments(str(value["start"])) if "start" in value else _EVER
    end = moments(str(value["end"])) if "end" in value else _EVER
    return (start[0], end[1]) if start and end else None


def _compared(prefix: str, have: Span, want: Span) -> bool:
    """FHIR R4, search 3.1.1.4.5: eq within, ne not within, gt and lt reach beyond, ge and le either."""
    within = want[0] <= have[0] and have[1] <= want[1]
    above, below = have[1] > want[1], have[0] < want[0]
    return {"eq": within, "ne": not within, "gt": above, "lt": below, "ge": above or within, "le": below or within}[
        prefix]  # fmt: skip

