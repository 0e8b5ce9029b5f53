"""Loading all records of a population at once: what is asked for, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Population:
    """What of a partner's records is asked for at once: of the members of ``group`` there, or, without one, of all its
    clients; ``everything``: and what is about no client. ``since``: changed since then (a moment of FHIR, or "").
    ``types``: native types that some map reads."""

    group: str = ""
    everything: bool = False
    since: str = ""
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Headway:
    """How far a load is: ``done`` of ``of`` files, in words without personal data. ``cursor``: where to go on after a
    crash, kept together with all payloads before it; "" when nothing is left to do. ``remark``: something is not as it
    should be."""

    message: str
    done: int = 0
    of: int = 0
    cursor: str | None = None
    remark: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The partner has deleted a record of this native type and id."""

    type: str
    external_id: str
