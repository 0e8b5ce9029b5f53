"""Word that a partner leaves somewhere else: that there is something new, and not what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Listening(Protocol):
    """A link whose partner may leave word of news where we have to look for it (a mailbox of ours)."""

    def listen(self, tell: Callable[[int], None]) -> None:
        """Look there, and not at the partner. ``tell`` has the partner asked; it takes how many words before did not
        reach us. What was told is not told again. Raises as ``receive``; whatever is wrong there, polls go on."""
