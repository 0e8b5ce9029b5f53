"""The chain of seals: how it is reckoned. Nothing here reads or writes.

Of each event a seal keeps a tag: its number and the first 16 bytes of HMAC-SHA256 over its text, so that a changed row
can be named. The seal's digest is HMAC-SHA256 over the digest before, the seal's own columns and its tags (RFC 2104;
half of the output is enough for a tag, RFC 2104 section 5). Without a key both are plain SHA-256: whoever can write to
the store can then reckon a whole new chain, and only heads kept elsewhere show it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from casebridge.core.errors import SetupError
from casebridge.store.seals import Entry, Seal

PLAIN = "none"
"""The key id of a seal that was made without a key."""
BEGIN = "0" * 64
"""What stands before the first seal."""
SHORTEST = 32
_TAG = struct.Struct(">I16s")
_HEAD = re.compile(rb"ledger-head number=(\d{1,19}) last=(\d{1,19}) digest=([0-9a-f]{64})")
_NAME = b"casebridge ledger key 1\0"
_SEAL = b"casebridge seal 1\0"
_CUT = b"casebridge seals before 1\0"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key that seals, and those that sealed before it. Raises SetupError CB-131 for one that can be guessed."""

    current: bytes = field(default=b"", repr=False)
    old: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if any(len(key) < SHORTEST for key in ((self.current,) if self.current else ()) + self.old):
            raise SetupError("CB-131", f"a key of the ledger has fewer than {SHORTEST} characters")

    @property
    def id(self) -> str:
        """What a seal made now names as its key."""
        return key_id(self.current)

    def of(self, id_: str) -> bytes | None:
        """The key of this id (empty for none); None when it is not at hand."""
        return next((key for key in (b"", self.current, *self.old) if key_id(key) == id_), None)


def key_id(key: bytes) -> str:
    """How a key is called: 16 hexadecimal digits that tell nothing of it, or ``none``."""
    return hashlib.sha256(_NAME + key).hexdigest()[:16] if key else PLAIN


def tag(key: bytes, text: bytes) -> bytes:
    """16 bytes that stand for a row's text."""
    return _digest(key, text)[:16]


def made(key: bytes, before: Seal | None, entries: Sequence[Entry], last: int, at: str) -> Seal:
    """The next seal: over ``entries``, which are all there are from the seal before up to the number ``last``."""
    first = before.last + 1 if before else 1
    tags = b"".join(_TAG.pack(e.seq - first, tag(key, e.text)) for e in entries)
    number = before.number + 1 if before else 1
    new = Seal(number, first, last, len(entries), at, key_id(key), "", tags)
    return replace(new, digest=digest(key, before.digest if before else BEGIN, new))


def digest(key: bytes, before: str, seal: Seal) -> str:
    """What the digest of a seal must be when the one before it has the digest ``before``."""
    columns = [before, seal.number, seal.first, seal.last, seal.rows, seal.at, seal.key]
    return _digest(key, _SEAL + json.dumps(columns).encode() + b"\0" + seal.tags).hex()


def proof(key: bytes, seal: Seal) -> str:
    """That whoever has the key erased what is before a seal: an event alone could be put in by anybody."""
    return _digest(key, _CUT + f"{seal.number} {seal.digest}".encode()).hex()


def tags_of(seal: Seal) -> dict[int, bytes]:
    """What a seal keeps of each row, by its number."""
    whole = len(seal.tags) // _TAG.size * _TAG.size
    return {seal.first + place: mark for place, mark in _TAG.iter_unpack(seal.tags[:whole])}


def head(seal: Seal) -> str:
    """A seal's head as it stands in the log."""
    return f"ledger-head number={seal.number} last={seal.last} digest={seal.digest}"


def heads(lines: Iterable[bytes]) -> Iterator[tuple[int, int, str]]:
    """(number, last, digest) of each head in a log, whatever else stands in its lines."""
    for line in lines:
        for found in _HEAD.finditer(line):
            yield int(found[1]), int(found[2]), found[3].decode()


def _digest(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256") if key else hashlib.sha256(text).digest()
