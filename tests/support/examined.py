"""What an examination said, held against the table that its words come from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from casebridge_fhir.examining.findings import findings

from casebridge import Step


def is_row(step: Step, name: str, finding: str) -> bool:
    """Does the step say what this row of data/examination.csv has, with every place filled in?"""
    row = findings()[name, finding]
    told = (step.state, step.who) == (row.state, row.who)
    return told and _fits(row.says, step.message) and _fits(row.remedy, step.remedy)


def until(steps: Iterator[Step], name: str) -> Step:
    """The first step of this name; nothing after it is tried."""
    return next(step for step in steps if step.name == name)


def _fits(words: str, said: str) -> bool:
    pattern = re.sub(r"\\\{\w+(:g)?\\\}", ".*", re.escape(words))
    return re.fullmatch(pattern, said, re.DOTALL) is not None and "{" not in said
