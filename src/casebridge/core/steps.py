"""What a look at a partner finds, step by step: each says what it saw, and who must do what when it was not well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from casebridge.core.signing_keys import SigningKey


@dataclass(frozen=True, slots=True)
class Step:
    """One step, such as ``token``. When not ``ok``, ``remedy`` says what to do and ``who`` does it: ``it`` (our own
    side) or ``partner`` (theirs). ``code`` is the error's, where there was one. Not ``tried``: ``message`` says why."""

    name: str
    ok: bool
    message: str
    remedy: str = ""
    who: str = ""
    code: str = ""
    tried: bool = True

    @property
    def state(self) -> str:
        """``ok``, ``attention`` (well today, but something is to be done), ``failed`` or ``not tried``."""
        if not self.tried:
            return "not tried"
        if not self.ok:
            return "failed"
        return "attention" if self.remedy else "ok"


@runtime_checkable
class SigningIn(Protocol):
    """A link that signs in at its partner, and can tell how far it gets."""

    def sign_in_steps(self, key: SigningKey | None = None) -> Iterator[Step]:
        """Each step until one fails. ``key``: with this one and not the one in use, to see whether it is known there.

        Raises nothing; changes nothing there but that a token is given, which nobody uses.
        """
