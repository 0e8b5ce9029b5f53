"""How documents lie in the store: as JSON text, or closed with a key from outside."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from casebridge.core import jsontext

LONGEST_PATH = 2 * jsontext.MAX_DEPTH


class Box(Protocol):
    """Everything with personal data goes through here on its way into the database, and back."""

    def close(self, data: bytes) -> bytes:
        """As it may lie in the database."""

    def open(self, data: bytes) -> bytes:
        """As it was; raises Bug when the key is not there or the bytes were changed."""

    def blind(self, value: str) -> str:
        """What is searched instead of an identifier: the same for the same value, and nothing can be read from it."""


class Plain:
    """No key is set: bytes as they are."""

    def close(self, data: bytes) -> bytes:
        """The same bytes."""
        return data

    def open(self, data: bytes) -> bytes:
        """The same bytes."""
        return data

    def blind(self, value: str) -> str:
        """The same value."""
        return value


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
