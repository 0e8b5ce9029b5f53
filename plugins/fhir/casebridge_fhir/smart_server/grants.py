"""What a client may do: scopes of SMART App Launch 2.2 for systems, version 1 (``.read``) and 2 (``.rs``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from casebridge_fhir.smart_scopes import understood

ALL = "*"
Rights = Mapping[str, frozenset[str]]
"""Letters (c, r, u, d, s) by resource type or ``*``."""
LETTERS: Mapping[str, str] = MappingProxyType({
    "read": "r", "vread": "r", "history-instance": "r", "create": "c", "update": "u", "patch": "u", "delete": "d",
    "search-type": "s", "search-system": "s", "history-type": "s", "history-system": "s",
})  # fmt: skip
"""Which right each interaction of FHIR R4 needs."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who asks, and with which scopes."""

    partner: str
    client: str
    scopes: tuple[str, ...]


def allows(grant: Grant, type_: str, interaction: str) -> bool:
    """Whether ``grant`` covers an interaction (FHIR R4's name: ``read``, ``search-type`` ...) with a resource type.

    >>> allows(Grant("mercy", "c1", ("system/Task.rs",)), "Task", "create")
    False
    """
    letter = LETTERS.get(interaction)
    return letter is not None and letter in _on(rights(grant.scopes), type_)


def rights(scopes: Iterable[str]) -> Rights:
    """The rights that ``scopes`` give; a scope that is not understood, or is narrowed by a query, gives none."""
    found: dict[str, frozenset[str]] = {}
    for type_, letters in filter(None, map(understood, scopes)):
        found[type_] = found.get(type_, frozenset()) | letters
    return found


def narrowed(asked: Iterable[str], allowed: Rights) -> tuple[str, ...]:
    """Of the scopes ``asked`` for as much as ``allowed`` covers, spelled as asked where it covers all of one."""
    granted: dict[str, None] = {}
    for scope in asked:
        wanted = understood(scope)
        if wanted is None:
            continue
        whole = wanted[1] & _on(allowed, wanted[0])
        parts = {wanted[0]: whole}
        if wanted[0] == ALL:
            parts |= {type_: (wanted[1] & letters) - whole for type_, letters in allowed.items() if type_ != ALL}
        for type_, letters in parts.items():
            if letters:
                granted[scope if (type_, letters) == wanted else _spelled(type_, letters)] = None
    return tuple(granted)


def _on(given: Rights, type_: str) -> frozenset[str]:
    return given.get(type_, frozenset()) | given.get(ALL, frozenset())


def _spelled(type_: str, letters: frozenset[str]) -> str:
    return f"system/{type_}.{''.join(letter for letter in 'cruds' if letter in letters)}"
