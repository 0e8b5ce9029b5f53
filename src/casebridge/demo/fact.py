"""One fact, and what facts ask of a Task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from casebridge.demo.fhir import Resource

REFERRAL = "urn:casebridge:referral"


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence, whether it is so, and where it was read."""

    text: str
    holds: bool
    where: str


def reference(task: Resource) -> str:
    """Our reference on a Task; "" when it has none."""
    return next((i["value"] for i in task.get("identifier", ()) if i.get("system") == REFERRAL), "")


def outputs(task: Resource | None) -> list[str]:
    """What a Task's outputs refer to."""
    return [o["valueReference"]["reference"] for o in (task or {}).get("output", ()) if "valueReference" in o]


def runs(versions: Sequence[Resource]) -> list[str]:
    """The states a Task went through, from its versions, the newest first."""
    states = [str(version.get("status")) for version in reversed(versions)]
    return [s for i, s in enumerate(states) if i == 0 or states[i - 1] != s]
