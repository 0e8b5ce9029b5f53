"""What a partner had and has no more, where its news do not say so (FHIR: a DELETE is in no list of what changed)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Remaining(Protocol):
    """A link that can tell whether the partner still has what it had."""

    def missing(self, external_ids: Sequence[str]) -> Mapping[str, str]:
        """Those of its records that it has no more, each with why: a sentence without personal data. Asked of a few at
        a time, after ``receive``. Raises as ``receive``."""

    def taken_away(self, document: Mapping[str, Any]) -> bytes:
        """A payload in which the record, as it was last seen, says that it is over."""
