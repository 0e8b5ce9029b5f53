"""How documents lie in the store: as JSON text, or closed with a key from outside (``store/sealed.py``)."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from casebridge.core import jsontext
from casebridge.core.errors import SetupError

LONGEST_PATH = 2 * jsontext.MAX_DEPTH
MAGIC = b"\xffCB"
"""Begins all that is not just the bytes themselves: no text in UTF-8 has such a byte."""
AS_IS = MAGIC + b"\x00"  # before bytes of a partner that happen to begin with MAGIC
PLAIN = "plain"
"""How the absence of a key is called where keys are named."""


class Box(Protocol):
    """Everything with personal data goes through here on its way into the database, and back.

    ``place`` names the row: the table and the values of its key. Bytes moved to another row do not open there.
    """

    def close(self, data: bytes, *place: object) -> bytes:
        """As it may lie in the database."""

    def open(self, data: bytes, *place: object) -> bytes:
        """As it was; SetupError CB-134 when its key is not at hand, Held CB-522 when the bytes were changed."""

    def blinds(self, system: str, value: str) -> tuple[str, ...]:
        """What is searched instead of an identifier, one for each key in use: the same for the same value, and without
        the key nothing can be read from it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of the keys at hand, the one that closes first; ``plain`` stands for none."""

    def mark(self, id_: str) -> str:
        """What tells a key from another of the same id, and nothing of the key."""


class Plain:
    """No key is set: bytes as they are."""

    keys = (PLAIN,)

    def close(self, data: bytes, *place: object) -> bytes:
        """The same bytes."""
        return bare(data)

    def open(self, data: bytes, *place: object) -> bytes:
        """The same bytes."""
        if not data.startswith(MAGIC):
            return data
        if not data.startswith(AS_IS):
            raise SetupError("CB-134", "a row of the store is closed, and no key is set")
        return data[len(AS_IS) :]

    def blinds(self, system: str, value: str) -> tuple[str, ...]:
        """The same value."""
        return (value,)

    def mark(self, id_: str) -> str:
        """Nothing to tell."""
        return ""


def bare(data: bytes) -> bytes:
    """Bytes as they lie in the database without a key."""
    return AS_IS + data if data.startswith(MAGIC) else data


PLAIN_NUMBERS = b"\t"
"""Stands before a document in which every number is spelled as any program would: it is read without a second look."""


def pack(document: Any) -> bytes:
    """A document as bytes (JSON); numbers keep their spelling."""
    data, plain = jsontext.dumped(document)
    return PLAIN_NUMBERS + data if plain else data


def unpack(data: bytes | None) -> Any:
    """The document again, numbers as they were spelled; None stays None."""
    if data is None:
        return None
    if data.startswith(PLAIN_NUMBERS):
        return orjson.loads(data)
    return jsontext.loads(data, max_depth=LONGEST_PATH)
