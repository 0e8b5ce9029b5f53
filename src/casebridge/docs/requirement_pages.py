"""The page about a guide's requirements: what each asks, and the tests that hold it, or why it is not held."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from casebridge.core import facts
from casebridge.docs.markdown import code, table

GUIDE = "https://hl7.org/fhir/us/sdoh-clinicalcare/en/"
STATES = {
    "held": "a test fails if it were not so",
    "partly": "a part is held by tests, and the last column says what is missing",
    "planned": "not yet; the last column says what is missing",
    "not ours": "asked of others, or of people, or a choice we do not take",
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of ``sdohcc_requirements.csv``; ``tests`` are ``path::name``."""

    key: str
    page: str
    strength: str
    asks: str
    state: str
    tests: tuple[str, ...]
    why: str


def requirements() -> tuple[Requirement, ...]:
    """The keyed requirements of SDOH Clinical Care 3.0.0, in the order of their keys."""
    rows = facts.rows("casebridge_fhir", "sdohcc_requirements.csv")
    return tuple(Requirement(**{**row, "tests": tuple(row["tests"].split())}) for row in rows)  # type: ignore[arg-type]


def requirements_page() -> str:
    """The table, and what its states mean with their numbers."""
    found = requirements()
    numbers = Counter(one.state for one in found)
    return "\n".join([
        "# What the FHIR guide requires\n",
        f"The {len(found)} keyed requirements of [SDOH Clinical Care 3.0.0]({GUIDE}) (HL7, Gravity), in our own words, "
        "each with the tests that hold it or the reason why it is not held. `casebridge validate` names the same keys "
        "where a file breaks one ([guide](../guides/validate.md)).\n",
        table(["state", "number", "meaning"], [(state, str(numbers[state]), said) for state, said in STATES.items()]),
        "\n## Requirements\n",
        table(["key", "", "asks", "state", "held by", "why, or what is missing"], [_row(one) for one in found]),
    ])  # fmt: skip


def _row(one: Requirement) -> tuple[str, ...]:
    tests = ", ".join(code(test.rpartition("/")[2].replace("::", " ")) for test in one.tests)
    return f"[{one.key}]({GUIDE}{one.page}.html)", one.strength, one.asks, one.state, tests, one.why
