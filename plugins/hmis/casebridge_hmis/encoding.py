"""How a file's bytes are read: as UTF-8, and a byte that is none as the letter it is in cp1252 (Latin-1 where none).

Exports are put together from several systems, and some cut a value in the middle of a letter: one byte says nothing of
how the next value was written. The text of a row keeps such a byte apart (PEP 383), so that it is written as it came.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

KEPT = "surrogateescape"  # how Python keeps a byte apart: byte 0xE9 is the surrogate U+DCE9
BYTE = re.compile("[\udc80-\udcff]")
LETTER = re.compile("[^\x00-\x7f\udc80-\udcff]")


def _letter(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


_LETTERS = {0xDC00 + byte: _letter(byte) for byte in range(0x80, 0x100)}


def with_letters(values: list[str]) -> list[str]:
    """The values with a letter for each byte that was kept apart."""
    return [value if value.isascii() else value.translate(_LETTERS) for value in values]


def encoded(text: str, encoding: str) -> bytes:
    """Text as bytes again. What the encoding has no letters for is UTF-8: we read it again as what it is."""
    try:
        return text.encode(encoding, KEPT)
    except UnicodeEncodeError:
        return text.encode("utf-8", KEPT)


@dataclass(slots=True)
class Survey:
    """What there is beyond ASCII in a stream of bytes: letters in UTF-8, other bytes."""

    letters: bool = False
    others: bool = False
    _decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")(KEPT))

    def feed(self, chunk: bytes, final: bool = False) -> None:
        """The next bytes."""
        text = self._decoder.decode(chunk, final)
        if not text.isascii():
            self.letters = self.letters or LETTER.search(text) is not None
            self.others = self.others or BYTE.search(text) is not None

    @property
    def encoding(self) -> str:
        """What rows of ours are written in, to be like the others: cp1252 where nothing is UTF-8."""
        return "cp1252" if self.others and not self.letters else "utf-8"
