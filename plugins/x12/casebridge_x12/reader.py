"""Segments of an X12 stream, one at a time: never more than one chunk and one segment in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from casebridge.core.errors import Position, RecordError
from casebridge_x12.delimiters import BREAKS, Delimiters, read_header

CHUNK = 1 << 18
HEADER_WINDOW = 512  # bytes looked at for an ISA: 106 and room for line breaks
SEGMENT_LIMIT = 1 << 16  # bytes in one segment; real ones are far below 1,000
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n\x00\x1a"  # around interchanges; 0x1A ends a file on old systems


RawSegment = tuple[int, Delimiters, bytes]
"""A segment's number (from 1, the first ISA, through the whole stream), delimiters and bytes without terminator."""


class Segment(NamedTuple):
    """A decoded segment: ``elements[0]`` is the tag, ``elements[1]`` element 01."""

    number: int
    delimiters: Delimiters
    elements: list[str]
    encoding: str


def raw_segments(stream: BinaryIO, *, chunk: int = CHUNK, limit: int = SEGMENT_LIMIT) -> Iterator[RawSegment]:
    """The segments of every interchange of ``stream``. Interchanges are found by position, never by the text ``ISA``.

    Raises RecordError CB-310 (bad header) and CB-304 (a segment without end).
    """
    rest, number = _interchange_start(stream, b""), 0
    while rest:
        rest = _at_least(stream, rest, HEADER_WINDOW)
        text, delimiters, used = read_header(rest, number + 1)
        number += 1
        yield number, delimiters, text
        body = _Body(stream, rest[used:], delimiters, chunk, limit)
        yield from body.segments(number)
        number = body.number
        rest = _interchange_start(stream, body.rest)


def segments(stream: BinaryIO, *, chunk: int = CHUNK, limit: int = SEGMENT_LIMIT) -> Iterator[Segment]:
    """As :func:`raw_segments`, decoded and split into elements; spaces at the end of an element go (X12.6)."""
    for number, delimiters, raw in raw_segments(stream, chunk=chunk, limit=limit):
        text, encoding = decode(raw)
        elements = text.split(delimiters.element.decode("ascii"))
        if " " in text:
            elements = [element.rstrip(" ") for element in elements]
        yield Segment(number, delimiters, elements, encoding)


def decode(raw: bytes) -> tuple[str, str]:
    """Text and the encoding it was read in: UTF-8 where it is, else cp1252, else Latin-1 (which takes every byte)."""
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        try:
            return raw.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            return raw.decode("latin-1"), "latin-1"


class _Body:
    """The segments after one ISA, up to and with its IEA; then ``rest`` is what was read beyond it, untouched."""

    def __init__(self, stream: BinaryIO, rest: bytes, delimiters: Delimiters, chunk: int, limit: int) -> None:
        self.rest, self.number = rest, 0
        self._stream, self._delimiters, self._chunk, self._limit = stream, delimiters, chunk, limit

    def segments(self, number: int) -> Iterator[RawSegment]:
        delimiters, self.number = self._delimiters, number
        for data, parts in self._pieces():
            for index, part in enumerate(parts):
                text = part.strip(BLANK)
                if text:
                    self.number += 1
                    yield self.number, delimiters, text
                    if text[:3] == b"IEA":
                        self.rest = b"".join(data.split(delimiters.terminator, index + 1)[index + 1 :])
                        return

    def _pieces(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """What has been read but not yet split, and the whole segments in it."""
        terminator, data, more = self._delimiters.terminator, self.rest, True
        self.rest = b""
        while data or more:
            end = data.rfind(terminator) + 1 if more else len(data)
            yield data, self._split(data[:end], terminator)
            tail = data[end:]
            if len(tail) > self._limit:
                raise self._endless()
            read = self._stream.read(self._chunk) if more else b""
            data, more = tail + read, bool(read)

    def _split(self, whole: bytes, terminator: bytes) -> list[bytes]:
        unwrapped = whole.translate(None, BREAKS) if self._delimiters.wrapped else whole
        return unwrapped.split(terminator)

    def _endless(self) -> RecordError:
        return RecordError(
            "CB-304", "a segment is too long", position=Position(segment=self.number + 1),
            expected=f"at most {self._limit} bytes before a segment terminator",
            remedy="Check that the file uses the separators its ISA declares.",
        )  # fmt: skip


def _interchange_start(stream: BinaryIO, rest: bytes) -> bytes:
    """What follows, without blanks and byte order marks; empty at the end of the stream."""
    while True:
        rest = _at_least(stream, rest, len(BOM)).lstrip(BLANK)
        if rest.startswith(BOM):
            rest = rest[len(BOM) :]
        elif rest:
            return _at_least(stream, rest, len(BOM))
        else:
            rest = stream.read(HEADER_WINDOW)
            if not rest:
                return b""


def _at_least(stream: BinaryIO, data: bytes, size: int) -> bytes:
    while len(data) < size:
        read = stream.read(max(size - len(data), HEADER_WINDOW))
        if not read:
            break
        data += read
    return data
