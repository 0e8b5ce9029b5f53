"""From bytes to lines of text, as old programs write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from casebridge.core.errors import Position, RecordError
from casebridge_flatfile.layout import Layout

MAX_LINE = 1 << 20
_BOM = b"\xef\xbb\xbf"


class Lines(Iterator[str]):
    """The lines of a stream with their line ends; ``number`` is that of the last one given (1 is the first).

    A byte order mark is dropped, and so is the end-of-file mark (0x1A) of DOS programs at the end of a line. A line
    that is not in the layout's encoding is read in its fallback; what fits neither becomes U+FFFD, which a row refuses.
    """

    def __init__(self, stream: BinaryIO, layout: Layout) -> None:
        self._stream, self._layout = stream, layout
        self.number = 0
        for _ in range(layout.skip_lines):
            self._read()

    def __next__(self) -> str:
        line = self._read()
        if not line:
            raise StopIteration
        return self._decoded(line.rstrip(b"\x1a"))

    def _read(self) -> bytes:
        line = self._stream.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise RecordError(
                "CB-304", "a line is too long", position=Position(row=self.number + 1),
                expected=f"lines of at most {MAX_LINE} bytes",
            )  # fmt: skip
        self.number += bool(line)
        return line.removeprefix(_BOM) if self.number == 1 else line

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode(self._layout.encoding)
        except UnicodeDecodeError:
            return line.decode(self._layout.fallback or self._layout.encoding, errors="replace")
