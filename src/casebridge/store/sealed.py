"""The box with keys: AES-256-GCM (NIST SP 800-38D) under keys from outside, identifiers as HMAC-SHA256.

A closed row: ``FF 43 42`` · ``01`` · length and name of the key · 16 bytes salt · 12 bytes nonce · ciphertext and tag.
From the site's key and the salt comes the key that closes (HKDF, RFC 5869). Each process draws a salt of its own and a
new one after a million rows, so random nonces never come near their limit (2^32 under one key, SP 800-38D 8.3).
The associated data is the head and the row's place: neither can be exchanged for another's.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from casebridge.core.errors import CaseBridgeError, Held, SetupError
from casebridge.store.box import AS_IS, MAGIC, PLAIN, bare

log = logging.getLogger(__name__)
AES = MAGIC + b"\x01"
SALT, NONCE, SECRET = 16, 12, 32
MOST = 1_000_000
"""Rows closed under one salt."""
LOOK = 1.0  # seconds between two looks at where the keys are: a running process learns of a new one
EXAMPLE = "k2026 MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
_ID = re.compile(r"[A-Za-z0-9_-]{1,24}")


@dataclass(frozen=True)
class Key:
    """One line of the file of keys; ``plain`` has no secret."""

    id: str
    secret: bytes = field(default=b"", repr=False)

    @property
    def head(self) -> bytes:
        """How every row begins that it closed."""
        return AES + bytes([len(self.id)]) + self.id.encode()

    @cached_property
    def _blind(self) -> bytes:
        return _derived(self.secret, b"", b"casebridge blind 1")

    def blind(self, system: str, value: str) -> str:
        """What is searched instead of an identifier."""
        if not self.secret:
            return value
        digest = hmac.digest(self._blind, f"{system}\0{value}".encode(), "sha256")
        return f"#{self.id}:{base64.b64encode(digest).decode()}"


def key_of(blind: str) -> str:
    """The id of the key an identifier was blinded with."""
    return blind[1:].partition(":")[0] if blind.startswith("#") and ":" in blind else PLAIN


def read_keys(text: str) -> tuple[Key, ...]:
    """The lines of a file of keys; SetupError CB-133 when they are none. No message shows any of a line's text."""
    lines = [line.split() for line in re.split(r"[\n,]", text) if line.strip() and not line.lstrip().startswith(";")]
    keys = tuple(_key(number, words) for number, words in enumerate(lines, 1))
    if not keys or len({key.id for key in keys}) < len(keys):
        raise SetupError("CB-133", "store.keys: there is no key" if not keys else "store.keys: two keys have one id")
    return keys


def _key(number: int, words: list[str]) -> Key:
    if words == [PLAIN]:
        return Key(PLAIN)
    if len(words) != 2 or not _ID.fullmatch(words[0]) or words[0] == PLAIN:
        raise SetupError("CB-133", f"store.keys, key {number}: expected an id and the key, such as `{EXAMPLE}`")
    try:
        secret = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != SECRET or len(set(secret)) < SECRET // 4:
        raise SetupError("CB-133", f"store.keys, key {words[0]}: expected {SECRET} random bytes in base64")
    return Key(words[0], secret)


def new_line() -> str:
    """A line with a key that nobody has had before, named after its day and a word of chance."""
    id_ = time.strftime("k%Y%m%d-", time.gmtime()) + os.urandom(2).hex()
    return f"{id_} {base64.b64encode(os.urandom(SECRET)).decode()}"


def _derived(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), SECRET, salt, info).derive(secret)


@lru_cache(maxsize=4096)
def _cipher(secret: bytes, salt: bytes) -> AESGCM:
    return AESGCM(_derived(secret, salt, b"casebridge box 1"))


class Sealed:
    """Closes with the first key, opens with any. ``source`` is asked again for the keys while the process runs."""

    def __init__(self, keys: Sequence[Key], source: Callable[[], Sequence[Key]] | None = None) -> None:
        self._keys, self._source, self._next = tuple(keys), source, time.monotonic() + LOOK
        self._writing: tuple[Key, bytes, count[int]] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of the keys at hand."""
        return tuple(key.id for key in self._keys)

    def mark(self, id_: str) -> str:
        """16 hexadecimal digits of a digest of the key."""
        secret = next(key.secret for key in self._keys if key.id == id_)
        return _derived(secret, b"", b"casebridge mark 1").hex()[:16] if secret else ""

    def close(self, data: bytes, *place: object) -> bytes:
        """The bytes under the first key."""
        self._look()
        key = self._keys[0]
        if not key.secret:
            return bare(data)
        salt, nonce = self._salt(key), os.urandom(NONCE)
        head = key.head + salt
        return head + nonce + _cipher(key.secret, salt).encrypt(nonce, data, head + _named(place))

    def open(self, data: bytes, *place: object) -> bytes:
        """The bytes again, whichever key closed them."""
        if not data.startswith(AES):
            self._key(PLAIN)
            return data[len(AS_IS) :] if data.startswith(AS_IS) else data
        start = len(AES) + 1 + int.from_bytes(data[len(AES) : len(AES) + 1])
        key = self._key(data[len(AES) + 1 : start].decode("ascii", "replace"))
        body = start + SALT + NONCE
        salt, nonce = data[start : start + SALT], data[start + SALT : body]
        try:
            return _cipher(key.secret, salt).decrypt(nonce, data[body:], data[: start + SALT] + _named(place))
        except (InvalidTag, ValueError):
            raise Held("CB-522", f"a row of {place[0]} does not open: its bytes were changed or moved") from None

    def blinds(self, system: str, value: str) -> tuple[str, ...]:
        """Under each key: while rows are moved from one key to the next, both are looked up and written."""
        self._look()
        return tuple(key.blind(system, value) for key in self._keys)

    def _salt(self, key: Key) -> bytes:
        writing = self._writing
        if writing is None or writing[0] is not key or next(writing[2]) >= MOST:
            writing = self._writing = (key, os.urandom(SALT), count())
        return writing[1]

    def _key(self, id_: str) -> Key:
        for _ in range(2):
            for key in self._keys:
                if key.id == id_:
                    return key
            self._look(now=True)
        raise SetupError("CB-134", f"the key {id_} is not at hand")

    def _look(self, now: bool = False) -> None:
        """Take what is new; a key that was taken away stays until the next start, which sees whether it may go."""
        if self._source is None or (time.monotonic() < self._next and not now):
            return
        self._next = time.monotonic() + LOOK
        try:
            found = tuple(self._source())
        except CaseBridgeError as error:  # half written, or away for a moment: the keys at hand still do
            log.warning("the keys of the store cannot be read: %s", error.code)
            return
        merged = _merged(self._keys, found)
        if merged != self._keys:
            self._keys = merged


def _merged(known: tuple[Key, ...], found: tuple[Key, ...]) -> tuple[Key, ...]:
    by_id = {key.id: key for key in known}
    return (*(by_id.get(key.id, key) for key in found), *(k for k in known if k.id not in {f.id for f in found}))


def _named(place: tuple[object, ...]) -> bytes:
    return "\0".join(map(str, place)).encode()
