"""JSON that keeps the spelling of its numbers: 72.50 stays 72.50 and 1e-7 stays 1e-7 (FHIR R4, datatypes: decimal).

``loads`` gives plain dicts, lists, str, bool, None, int for whole numbers and :class:`Number` for the rest, never a
float. ``dumps`` writes a Number back as it was read. Use both for anything that is handed back to its sender.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

MAX_DEPTH = 100
_SAFE_DIGITS = 18  # a whole number with more digits may not fit 64 bits; its text is kept instead


class Number(Decimal):
    """A JSON number that remembers its text.

    >>> str(Number("72.50")), Number("1e-7").text
    ('72.50', '1e-7')
    """

    text: str

    def __new__(cls, text: str) -> Number:
        number = super().__new__(cls, text)
        number.text = str(text)
        return number

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Number], tuple[str]]:
        return (Number, (self.text,))

    def __copy__(self) -> Number:
        return self

    def __deepcopy__(self, memo: object) -> Number:
        return self


def loads(data: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value in ``data`` (UTF-8, a byte order mark is skipped).

    Raises ValueError on anything that is not JSON as RFC 8259 has it, on a member named twice, on an unpaired
    surrogate, on NaN and Infinity, and on nesting deeper than ``max_depth``. The message never shows the content.
    """
    text = data if isinstance(data, str) else _decoded(data)
    try:
        value = json.loads(
            text, parse_float=Number, parse_int=_whole, parse_constant=_refuse, object_pairs_hook=_members
        )
    except json.JSONDecodeError as e:
        raise ValueError(f"not JSON: {e.msg.lower()} at line {e.lineno} column {e.colno}") from None
    except InvalidOperation:
        raise ValueError("a number is larger or smaller than any that can be kept") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {max_depth} levels") from None
    if text.count("{") + text.count("[") > max_depth and _deeper_than(value, max_depth):
        raise ValueError(f"nested deeper than {max_depth} levels")
    if "\\ud" in text or "\\uD" in text:
        _refuse_unpaired(value)
    return value


def dumps(value: Any) -> bytes:
    """``value`` as compact UTF-8 JSON; decimals are written with their own text. TypeError on what JSON cannot hold."""
    return orjson.dumps(value, default=_fragment)


def dumped(value: Any) -> tuple[bytes, bool]:
    """The same, and whether there is no decimal in it, whose text only ``loads`` keeps."""
    plain = True

    def decimal(number: object) -> orjson.Fragment:
        nonlocal plain
        plain = False
        return _fragment(number)

    return orjson.dumps(value, default=decimal), plain


def _fragment(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"JSON cannot hold a {type(value).__name__}")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise ValueError(f"not UTF-8 text: byte {e.start} cannot be read") from None


def _whole(text: str) -> int | Number:
    return int(text) if len(text) <= _SAFE_DIGITS and text != "-0" else Number(text)


def _refuse(name: str) -> Any:
    raise ValueError(f"not JSON: {name} is not a number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice in one object")
    return members


def _refuse_unpaired(value: Any) -> None:
    try:
        dumps(value)
    except TypeError:
        raise ValueError("a text holds half of a character (an unpaired surrogate)") from None


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [inner for outer in level for inner in (outer.values() if type(outer) is dict else outer)
                 if type(inner) is dict or type(inner) is list]  # fmt: skip
        if not level:
            return False
    return True
