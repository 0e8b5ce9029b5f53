"""What a partner calls its records is looked up in the books, so it has to fit in there, on either database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from casebridge.adapter import Native
from casebridge.core.errors import Position, RecordError

LONGEST = 500
"""Bytes of a key in UTF-8: a row of an index holds 2,704 in PostgreSQL, and three keys stand in one."""
TYPE = 120  # characters of the name of a record type
PLACE = 1500  # bytes of a position
NO_ROOM = "the books have no room for it"
EXPECTED = f"at most {LONGEST} bytes of UTF-8 and no NUL character"


def fits(key: str) -> bool:
    """Can both databases hold it and find it again? PostgreSQL has no room for a NUL in a text, neither has room for
    half a character."""
    try:
        return "\0" not in key and len(key.encode()) <= LONGEST
    except UnicodeEncodeError:
        return False


def fitting(key: str) -> str:
    """The key, or, in place of one that does not fit, its digest: the same key has the same digest."""
    return key if fits(key) else _digest(key)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def keyed(native: Native | RecordError) -> Native | RecordError:
    """The record as it is; or, when its keys do not fit, a RecordError CB-301 that can be written down in its place."""
    position = _fitting_position(native.position)
    if isinstance(native, RecordError):
        native.position, native.external_id = position, fitting(native.external_id)
        return native
    keys = {"type": native.type, "id": native.external_id, "version": native.version, "person": native.order_key}
    bad = [name for name, key in keys.items() if not fits(key)] or ["type"] * (len(native.type) > TYPE)
    if bad:
        return RecordError("CB-301", f"the record's {bad[0]}: {NO_ROOM}", position=position, field=bad[0],
                           expected=EXPECTED, external_id=fitting(native.external_id))  # fmt: skip
    return native if position is native.position else replace(native, position=position)


def check_keys(record: Mapping[str, Any], position: Position) -> None:
    """Raise RecordError CB-301 when an identifier of a record, or the id of one it refers to, does not fit."""
    for field, key in _keys_in(record, ""):
        if not fits(key):
            raise RecordError("CB-301", f"this key: {NO_ROOM}", position=position, field=field, expected=EXPECTED)


def _keys_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(inner, str):
                yield from _keys_in(inner, f"{path}.{name}")
            elif name == "external_id" or (name in ("system", "value") and path.endswith("identifiers")):
                yield f"{path}.{name}".lstrip("."), inner
    elif isinstance(value, list):
        for inner in value:
            yield from _keys_in(inner, path)


def _fitting_position(position: Position) -> Position:
    if len(position.file) + len(position.loop) + len(position.pointer) < PLACE // 8:  # as almost all are
        return position
    said = json.dumps(position.as_dict())
    return position if len(said) <= PLACE else Position(pointer=_digest(said))
