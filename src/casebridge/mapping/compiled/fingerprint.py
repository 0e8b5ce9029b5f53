"""The fingerprint of an export: two exports that the map cannot tell apart have the same one.

It says which places are filled, where the map's own words stand, what converters and links make of a value, and which
values are the same as others: but no value itself. So the records of two clients with other names and the same answers
have one fingerprint, and nobody can read a name out of it.
"""

from __future__ import annotations

import marshal
import secrets
from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.compiled.looked_at import LookedAt, Looks, Turn
from casebridge.mapping.compiled.patch import parents_of
from casebridge.mapping.compiled.runtime import Irregular, moment
from casebridge.mapping.model import Definition
from casebridge.mapping.translate import Links

_SECRET = secrets.token_bytes(32)  # of this process: what may be in a record cannot be tried against its fingerprint
_NUMBERS = frozenset({int, float, Decimal})
_REFUSED, _NUMBER, _WHOLE = (-1,), -2, -3


class Fingerprints:
    """Of the exports of one map."""

    def __init__(self, definition: Definition) -> None:
        self._looked_at, self._parents = LookedAt(definition), parents_of(definition)

    def of(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any] | None) -> bytes:
        """16 bytes. Raises Irregular, or whatever a strange record makes Python raise, where there is none."""
        looked_at = self._looked_at
        print_ = _Print(looked_at, links, compares=bool(base) or looked_at.compares)
        print_.group(dict(slice_), looked_at.case)
        if base:
            print_.said.append(base.keys() <= self._parents)
            print_.group({key: value for key, value in base.items() if key in looked_at.read}, looked_at.other)
        return blake2b(marshal.dumps(print_.said, 2), digest_size=16, key=_SECRET).digest()


class _Print:
    """What was found of one record, in the order of its fields."""

    __slots__ = ("compares", "links", "moments", "said", "seen", "words")

    def __init__(self, looked_at: LookedAt, links: Links, *, compares: bool) -> None:
        self.words, self.moments = looked_at.words, looked_at.moments
        self.links, self.compares = links, compares
        self.said: list[Any] = []
        self.seen: dict[str, int] = {}

    def group(self, node: dict[str, Any], looks: Mapping[str, Looks]) -> None:
        """A group: the names of its fields, and each of them."""
        say, words, seen = self.said.append, self.words, self.seen
        easy = self.compares and not self.moments
        say(tuple(node))
        for name, value in node.items():
            if name in looks:
                self.looked_at(value, looks[name], looks)
            elif type(value) is str and easy:
                say(value if value in words else seen.setdefault(value, len(seen)))
            else:
                self.value(value, looks)

    def value(self, value: Any, looks: Mapping[str, Looks]) -> None:
        """A value of which the map only knows whether it is there and the same as another."""
        kind = type(value)
        if kind is str:
            self.text(value)
        elif kind is dict:
            self.group(value, looks)
        elif kind is list:
            self.said.append((len(value),))
            for item in value:
                self.value(item, looks)
        else:
            self.scalar(value)

    def text(self, text: str) -> None:
        """A word of the map, or by its number among the texts of the record."""
        if text in self.words or not text:
            self.said.append(text)
            return
        self.said.append(self.seen.setdefault(text, len(self.seen)) if self.compares else 0)
        if self.moments:
            self.said.append(moment(text))

    def scalar(self, value: Any) -> None:
        """A value that is no text; a number is also the same as its text."""
        kind = type(value)
        if value is None or kind is bool:
            self.said.append(value)
        elif isinstance(value, Decimal) or kind in _NUMBERS:
            self.said.append((_NUMBER, kind.__name__, str(value)))
            self.text(str(value))
        else:
            raise Irregular

    def looked_at(self, value: Any, look: Looks, looks: Mapping[str, Looks]) -> None:
        """A value of which the map makes something."""
        kind = type(value)
        if kind is list:
            self.said.append((len(value),))
            for item in value:
                self.looked_at(item, look, looks)
        elif kind is dict:
            self.group(value, looks)
            if look.targets and _leads(value, look.targets):
                self.turned(self.links.theirs(value), look.again)
        else:
            self.turned(value, look.turns)
            if look.whole:
                self.said.append((_WHOLE, str(value)))

    def turned(self, value: Any, turns: Mapping[str, Turn]) -> None:
        """A single value and what is made of it."""
        self.text(value) if type(value) is str else self.scalar(value)
        for turn in turns.values():
            try:
                made = turn(value, self.links)
            except (CaseBridgeError, ValueError, TypeError, AttributeError):
                self.said.append(_REFUSED)
            else:
                self.text(made) if type(made) is str else self.scalar(made)


def _leads(ref: dict[str, Any], targets: set[str]) -> bool:
    """Is it a reference to a record of one of these kinds? Parts of it may be withheld."""
    kind = ref.get("kind")
    return type(kind) is str and kind in targets and bool(ref.get("id") or ref.get("external_id"))
