"""Newline-delimited JSON: one resource in each line, read line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from casebridge.core.errors import Position, RecordError
from casebridge.core.jsontext import loads

HEAD = 256 * 1024  # bytes in which a line that is a resource is looked for


def is_ndjson(stream: BinaryIO, max_line: int) -> bool:
    """Is one of the first lines a resource, and not the only line? The stream is back at its beginning afterwards."""
    seen, first = 0, b""
    try:
        while seen < HEAD and (line := stream.readline(max_line + 1)):
            seen += len(line)
            if not line.strip():
                continue
            if first:
                if _resource(first) or _resource(line):
                    return True
            elif line.strip() in (b"{", b"[", b"<"):  # one JSON document over many lines
                return False
            first = first or line
        return False
    finally:
        stream.seek(0)


def resources(stream: BinaryIO, max_line: int) -> Iterator[tuple[int, dict[str, Any] | RecordError]]:
    """(number of the line, its resource, or what is wrong with it); blank lines are passed over.

    A line of more than ``max_line`` bytes is one bad line.
    """
    number = 0
    while line := stream.readline(max_line + 1):
        number += 1
        if len(line) > max_line and not line.endswith(b"\n"):
            _to_end_of_line(stream, max_line)
            yield number, RecordError("CB-304", "the line is too long", position=Position(row=number),
                                      expected=f"at most {max_line} bytes")  # fmt: skip
        elif line.strip():
            yield number, _resource(line) or RecordError(
                "CB-303", "this line is no FHIR resource", position=Position(row=number),
                expected="one resource as JSON in UTF-8",
            )  # fmt: skip


def _to_end_of_line(stream: BinaryIO, size: int) -> None:
    while (rest := stream.readline(size)) and not rest.endswith(b"\n"):
        pass


def _resource(line: bytes) -> dict[str, Any] | None:
    try:
        found = loads(line)
    except ValueError:
        return None
    named = found.get("resourceType") if isinstance(found, dict) else None
    return found if isinstance(named, str) and named.isalpha() else None
