"""Which scopes we ask for: what we need, in the notation and as far as the server says that it knows it.

SMART App Launch 2.2, "Scopes for requesting FHIR Resources". Version 2 writes the rights as letters
(``system/Task.rs``), version 1 as a word (``system/Task.read`` is r and s, ``.write`` is c, u and d).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

RIGHTS = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}
_WORDS = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(
    r"system/(?P<resource>\*|[A-Z][A-Za-z]*)\.(?P<rights>read|write|\*|(?=\w)c?r?u?d?s?)(?P<query>\?.*)?"
)


@dataclass(frozen=True, slots=True)
class Need:
    """One row of ``data/rights.csv``: ``needed`` are those of ``rights`` without which no referral is served."""

    resource: str
    rights: str
    needed: str
    why: str


SUBSCRIBING = Need("Subscription", "cruds", "", "the server tells us of news")
FORMS = Need("QuestionnaireResponse", "rs", "", "which form was filled in and sent along")
"""Asked for where it is offered; many servers have none, and that is nothing to be told of."""


@cache
def needs() -> tuple[Need, ...]:
    """What we do at a partner's server, by resource."""
    text = files("casebridge_fhir").joinpath("data/rights.csv").read_text(encoding="utf-8")
    return tuple(Need(**row) for row in csv.DictReader(text.splitlines()))


def understood(scope: str) -> tuple[str, frozenset[str]] | None:
    """The resource type (or ``*``) and the rights of a scope for systems; None for any other, and for one with a query.

    >>> understood("system/Task.rs") == understood("system/Task.read") == ("Task", frozenset("rs"))
    True
    """
    found = _SCOPE.fullmatch(scope)
    if found is None or found["query"]:
        return None
    return found["resource"], frozenset(_WORDS.get(found["rights"], found["rights"]))


def covered(scopes: Iterable[str], resource: str) -> frozenset[str]:
    """The rights on ``resource`` that ``scopes`` give, as letters; a scope narrowed by a query gives none for sure.

    >>> sorted(covered(["system/*.read", "system/Task.u"], "Task"))
    ['r', 's', 'u']
    """
    found = filter(None, map(understood, scopes))
    return frozenset(letter for type_, rights in found if type_ in ("*", resource) for letter in rights)


def chosen(capabilities: Set[str], supported: Iterable[str], *, subscribe: bool = False) -> tuple[str, ...]:
    """The scopes to ask for, from ``capabilities`` and ``scopes_supported`` of the server's smart-configuration; those
    for subscriptions only if we are to ``subscribe``.

    A server that lists scopes for systems is asked for nothing beyond them, since one unknown scope can cost the whole
    token; but always for what we cannot do without, so that it says so itself if it must.
    """
    listed = [scope for scope in supported if _SCOPE.fullmatch(scope)]
    written = _letters if _speaks_v2(capabilities, listed) else _word_scopes
    wanted = (*needs(), FORMS, SUBSCRIBING) if subscribe else (*needs(), FORMS)
    return tuple(scope for need in wanted for scope in written(need.resource, _offered(need, listed)))


def missing(granted: Iterable[str]) -> tuple[str, ...]:
    """What of the rights we cannot do without is not in ``granted``, in words: ``Task: update``."""
    granted = tuple(granted)
    return tuple(
        f"{need.resource}: {RIGHTS[letter]}"
        for need in needs() for letter in need.needed if letter not in covered(granted, need.resource)
    )  # fmt: skip


def _speaks_v2(capabilities: Set[str], listed: list[str]) -> bool:
    """What it says; else by how its scopes are written. Servers older than the two capabilities know version 1."""
    if capabilities & {"permission-v1", "permission-v2"}:
        return "permission-v2" in capabilities
    return any(scope.partition(".")[2].partition("?")[0] not in _WORDS for scope in listed)


def _offered(need: Need, listed: list[str]) -> str:
    if not listed:
        return need.rights
    offered = covered(listed, need.resource) | set(need.needed)
    return "".join(letter for letter in need.rights if letter in offered)


def _letters(resource: str, rights: str) -> Iterator[str]:
    if rights:
        yield f"system/{resource}.{rights}"


def _word_scopes(resource: str, rights: str) -> Iterator[str]:
    for word in ("read", "write"):
        if set(_WORDS[word]) & set(rights):
            yield f"system/{resource}.{word}"
