"""What observers are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a message. Holds no personal data."""

    name: str
    at: datetime
    message: str = ""
    partner: str = ""
    stop: str = ""
    state: str = ""
    code: str = ""
    correlation: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
