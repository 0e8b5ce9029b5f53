"""Named converter pairs: their spelling to ours and back, each with its law and the samples that test it.

A plugin adds its own through the hook ``register_converters``; :func:`with_converters` refuses a name used twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from casebridge.adapter import Converter
from casebridge.core.errors import SetupError
from casebridge.core.moments import local
from casebridge.core.ssn import usable_ssn

_OFFSET = re.compile(r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2})(:\d{2})?(?:\.\d+)?(Z|[+-]\d{2}:\d{2})")


def _matched(pattern: str, value: Any) -> re.Match[str]:
    found = re.fullmatch(pattern, value if isinstance(value, str) else "")
    if not found:
        raise ValueError("not of the expected form")
    return found


def _read_date8(value: Any) -> str:
    found = _matched(r"(\d{4})(\d{2})(\d{2})", value)
    return date(*map(int, found.groups())).isoformat()


def _write_date8(value: Any) -> str:
    _matched(r"\d{4}-\d{2}-\d{2}", value)
    return date.fromisoformat(value).isoformat().replace("-", "")


def _read_date8_partial(value: Any) -> str:
    found = _matched(r"(\d{4})(\d{2})?(\d{2})?", value)
    return _real_date("-".join(part for part in found.groups() if part))


def _write_date8_partial(value: Any) -> str:
    _matched(r"\d{4}(-\d{2}(-\d{2})?)?", value)
    return _real_date(value).replace("-", "")


def _real_date(value: str) -> str:
    """``value`` if it is a date as far as it goes."""
    date.fromisoformat(value + "-01-01"[(len(value) - 4) :])
    return value


def _read_hud_datetime(value: Any) -> str:
    _matched(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", value)
    return datetime.fromisoformat(value).isoformat()


def _local(zone: ZoneInfo | None, value: Any) -> Any:
    """A moment with an offset as the clocks of the zone show it; without either it is as it is written."""
    found = _OFFSET.fullmatch(value if isinstance(value, str) else "")
    if zone is None or not found:
        return value
    minute, second, offset = found.groups()
    return local(datetime.fromisoformat(minute + offset), zone).isoformat(timespec="minutes")[:16] + (second or "")


@cache
def _of_local_time(zone: ZoneInfo | None) -> tuple[Converter, ...]:
    """The converters to a notation that knows local time only."""

    def write_hud_datetime(value: Any) -> str:
        here = _local(zone, value)
        found = _matched(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(\.\d+)?(Z|[+-]\d{2}:\d{2})?", here)
        day, minute, second = found.group(1), found.group(2), found.group(3) or ":00"
        return datetime.fromisoformat(f"{day}T{minute}{second}").isoformat(sep=" ")

    def date_of(value: Any) -> str:
        found = _matched(r"(\d{4}-\d{2}-\d{2})([T ].*)?", _local(zone, value))
        return date.fromisoformat(found.group(1)).isoformat()

    return (
        Converter("hud_datetime", _read_hud_datetime, write_hud_datetime, "exact",
                  (("2026-07-30 14:02:31", "2026-07-30T14:02:31"),),
                  "HUD CSV date and time, local time without a zone"),
        Converter("date_of", date_of, date_of, "lossy", (("2026-07-30", "2026-07-30"),),
                  "the date of a date and time on the clocks of the site; the time is lost"),
    )  # fmt: skip


def _read_date8_time(value: Any) -> str:
    found = _matched(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})", value)
    return datetime(*map(int, found.groups())).isoformat(timespec="minutes")  # type: ignore[arg-type]  # noqa: DTZ001


def _write_date8_time(value: Any) -> str:
    _matched(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}", value)
    return re.sub(r"\D", "", datetime.fromisoformat(value).isoformat(timespec="minutes"))


def _digits(count: int) -> Callable[[Any], str]:
    """Only the digits, which must be ``count``; spaces, dots and hyphens may stand between them."""

    def read(value: Any) -> str:
        digits = re.sub(r"[\s.\-()]", "", value if isinstance(value, str) else "")
        return _matched(rf"[0-9]{{{count}}}", digits).group()

    return read


def _table(pairs: Mapping[Any, Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Both directions of a small one-to-one table."""
    back = {ours: theirs for theirs, ours in pairs.items()}

    def read(value: Any) -> Any:
        return _known(pairs, value)

    def write(value: Any) -> Any:
        return _known(back, value)

    return read, write


def _known(pairs: Mapping[Any, Any], value: Any) -> Any:
    for known, result in pairs.items():
        if value == known and isinstance(value, bool) == isinstance(known, bool):
            return result
    if isinstance(value, bool) and value in pairs.values() and True in pairs.values():
        return value  # JSON's own boolean
    raise ValueError("not one of the expected values")


def _integer_text(value: Any) -> str:
    """A whole number in JSON as the text it is written with."""
    return _matched(r"-?\d+", _number_text(value)).group()


def _number_text(value: Any) -> str:
    """A number's own text; a float has lost it, and a boolean is none."""
    return "" if isinstance(value, bool | float) else str(value)


def _read_decimal(value: Any) -> str:
    text = _number_text(value)
    return _matched(r"-?\d+(\.\d+)?", text).group()


def _write_usable_ssn(value: Any) -> str:
    if not (found := usable_ssn(value)):
        raise ValueError("expected a social security number that can be somebody's")
    return found


_BOOLEAN = _table({"true": True, "false": False})
_BOOLEAN01 = _table({"1": True, "0": False})
_YES_NO = _table({"Y": True, "N": False})

_ALL = (
    Converter("date8", _read_date8, _write_date8, "exact", (("19870220", "1987-02-20"), ("20240229", "2024-02-29")),
              "X12 date format D8: 19870220 <-> 1987-02-20"),
    Converter("date8_partial", _read_date8_partial, _write_date8_partial, "exact",
              (("1987", "1987"), ("198702", "1987-02"), ("19870220", "1987-02-20")), "a date as far as it is known"),
    Converter("date8_time", _read_date8_time, _write_date8_time, "exact", (("202607301402", "2026-07-30T14:02"),),
              "X12 date format DT"),
    *_of_local_time(None),
    Converter("ssn", _digits(9), _digits(9), "canonical", (("123456789", "123456789"), ("123-45-6789", "123456789")),
              "nine digits"),
    Converter("ssn-usable", usable_ssn, _write_usable_ssn, "canonical",
              (("900120001", "900120001"), ("900-12-0001", "900120001")),
              "nine digits that can be somebody's number; 000000000 and other filler is left where it is"),
    Converter("phone10", _digits(10), _digits(10), "canonical", (("(555) 010-0100", "5550100100"),), "ten digits"),
    Converter("boolean", *_BOOLEAN, "exact", (("true", True), ("false", False)), "true and false as text"),
    Converter("boolean01", *_BOOLEAN01, "exact", (("1", True), ("0", False)), "1 and 0"),
    Converter("yes_no", *_YES_NO, "exact", (("Y", True), ("N", False)), "Y and N"),
    Converter("integer_text", _integer_text, _integer_text, "canonical", (("7", "7"), (7, "7")),
              "a whole number kept as its text"),
    Converter("decimal_text", _read_decimal, _read_decimal, "canonical", (("72.50", "72.50"),),
              "an amount kept as its text"),
)  # fmt: skip

BUILT_IN: Mapping[str, Converter] = MappingProxyType({converter.name: converter for converter in _ALL})


def with_converters(extra: Iterable[Converter], zone: ZoneInfo | None = None) -> Mapping[str, Converter]:
    """The built-in converters and the plugins' own; SetupError CB-102 when a name is used twice.

    ``zone`` is the site's, for what is written in local time; without one an offset is left out.
    """
    known = dict(BUILT_IN) | {converter.name: converter for converter in _of_local_time(zone)}
    for converter in extra:
        if converter.name in known:
            raise SetupError("CB-102", f"two converters are named {converter.name}; rename the plugin's")
        known[converter.name] = converter
    return MappingProxyType(known)
