"""Segments of an X12 stream, one at a time: never more than one chunk and one segment in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from casebridge.core.errors import Position, RecordError
from casebridge_x12.delimiters import BREAKS, Delimiters, read_header

CHUNK = 1 << 18
HEADER_WINDOW = 512  # bytes looked at for an ISA: 106 and room for line breaks
WINDOW = 1 << 14  # bytes split into segments at once: another interchange may follow
SEGMENT_LIMIT = 1 << 16  # bytes in one segment; real ones are far below 1,000
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n\x00\x1a"  # around interchanges; 0x1A ends a file on old systems
_NO_BLANK = re.compile(rb"[^" + BLANK + rb"]|\Z")

RawSegment = tuple[int, Delimiters, bytes]
"""A segment's number (from 1, the first ISA, through the whole stream), delimiters and bytes without terminator."""


class Segment(NamedTuple):
    """A decoded segment: ``elements[0]`` is the tag, ``elements[1]`` element 01; ``size`` is its bytes."""

    number: int
    delimiters: Delimiters
    elements: list[str]
    encoding: str
    size: int


def raw_segments(stream: BinaryIO, *, chunk: int = CHUNK, limit: int = SEGMENT_LIMIT) -> Iterator[RawSegment]:
    """The segments of every interchange of ``stream``. Interchanges are found by position, never by the text ``ISA``.

    Raises RecordError CB-310 (bad header) and CB-304 (a segment without end).
    """
    source, number = _Source(stream, chunk), 0
    while source.to_interchange():
        number += 1
        text, delimiters, used = read_header(source.ahead(HEADER_WINDOW), number)
        source.at += used
        yield number, delimiters, text
        for raw in source.segments(delimiters, number, limit):
            number += 1
            yield number, delimiters, raw


def segments(stream: BinaryIO, *, chunk: int = CHUNK, limit: int = SEGMENT_LIMIT) -> Iterator[Segment]:
    """As :func:`raw_segments`, decoded and split into elements; spaces at the end of an element go (X12.6)."""
    for number, delimiters, raw in raw_segments(stream, chunk=chunk, limit=limit):
        text, encoding = decode(raw)
        elements = text.split(delimiters.element.decode("ascii"))
        if " " in text:
            elements = [element.rstrip(" ") for element in elements]
        yield Segment(number, delimiters, elements, encoding, len(raw))


def decode(raw: bytes) -> tuple[str, str]:
    """Text and the encoding it was read in: UTF-8 where it is, else cp1252, else Latin-1 (which takes every byte)."""
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        try:
            return raw.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            return raw.decode("latin-1"), "latin-1"


class _Source:
    """What was read of the stream; ``at`` is how far it was gone through. No byte is gone through twice."""

    def __init__(self, stream: BinaryIO, chunk: int) -> None:
        self.at = 0
        self._stream, self._chunk, self._data = stream, chunk, b""

    def ahead(self, size: int) -> bytes:
        """The next bytes, without going through them; fewer at the end of the stream."""
        while len(self._data) - self.at < size and self._read(HEADER_WINDOW):
            pass
        return self._data[self.at : self.at + size]

    def to_interchange(self) -> bool:
        """Go through blanks and byte order marks; is there more?"""
        while head := self.ahead(len(BOM)):
            if head == BOM:
                self.at += len(BOM)
            elif head[:1] in BLANK:
                self.at = _NO_BLANK.search(self._data, self.at).start()  # type: ignore[union-attr]
            else:
                return True
        return False

    def segments(self, delimiters: Delimiters, number: int, limit: int) -> Iterator[bytes]:
        """Those that are not empty, up to and with the IEA, without terminators."""
        terminator, wrapped = delimiters.terminator, delimiters.wrapped
        while whole := self._whole(terminator, limit):
            parts = whole.split(terminator)
            long = max(map(len, parts)) > limit
            for index, part in enumerate(parts):
                if long and len(part) > limit:
                    raise _endless(number + 1, limit)
                text = (part.translate(None, BREAKS) if wrapped else part).strip(BLANK)
                if text:
                    number += 1
                    yield text
                    if text[:3] == b"IEA":
                        self.at += min(sum(map(len, parts[: index + 1])) + index + 1, len(whole))
                        return
            self.at += len(whole)
        if self.at < len(self._data):
            raise _endless(number + 1, limit)

    def _whole(self, terminator: bytes, limit: int) -> bytes:
        """Some whole segments, or what is left at the end of the stream; nothing when the next one has no end."""
        looked = 0
        while True:
            end = self._data.rfind(terminator, self.at, self.at + WINDOW)
            end = self._data.find(terminator, self.at + looked) if end < 0 else end
            if end >= 0:
                return self._data[self.at : end + 1]
            looked = len(self._data) - self.at
            if looked > limit:
                return b""
            if not self._read(self._chunk):
                return self._data[self.at :]

    def _read(self, size: int) -> bool:
        more = self._stream.read(size)
        self._data, self.at = self._data[self.at :] + more, 0
        return bool(more)


def _endless(number: int, limit: int) -> RecordError:
    return RecordError(
        "CB-304", "a segment is too long", position=Position(segment=number),
        expected=f"at most {limit} bytes before a segment terminator",
        remedy="Check that the file uses the separators its ISA declares.",
    )  # fmt: skip
