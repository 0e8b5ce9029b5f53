"""The table of a guide's requirements is honest: tests that are named exist, and what has none says why."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

import pytest

from casebridge.core.jsontext import loads
from casebridge.docs.requirement_pages import STATES, Requirement, requirements, requirements_page

ROOT = Path(__file__).parents[2]


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and name in names_in(ROOT / path)


@pytest.mark.parametrize("one", requirements(), ids=lambda one: one.key)
def test_a_requirement_is_held_by_tests_there_are_or_says_why_not(one: Requirement):
    assert one.state in STATES
    assert bool(one.tests) == (one.state in ("held", "partly")), "what is held names its tests, and nothing else does"
    assert one.why or one.state == "held", "what is not held says why"
    assert [test for test in one.tests if not exists(test)] == []
    assert one.asks
    assert one.strength in ("SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY")


def test_a_test_that_is_not_there_is_noticed():
    assert exists("tests/meta/test_requirements.py::test_a_test_that_is_not_there_is_noticed")
    assert not exists("tests/meta/test_requirements.py::test_that_nobody_wrote")
    assert not exists("tests/meta/test_nothing.py::test_a_test_that_is_not_there_is_noticed")


def test_the_page_has_every_requirement():
    assert len(requirements()) == len({one.key for one in requirements()}) == 63
    assert [one.key for one in requirements() if f"[{one.key}](" not in requirements_page()] == []


def test_every_requirement_of_the_compiled_list_is_there():
    samples = Path(os.environ.get("CASEBRIDGE_SAMPLES", ROOT / "../shared/samples"))
    compiled = samples.parent / "facts" / "fhir" / "SDOHCC-Requirements-fromNarrative.json"
    if not compiled.is_file():
        pytest.skip("the guide's list is not here (CASEBRIDGE_SAMPLES)")
    theirs = {one["key"] for one in loads(compiled.read_bytes())["statement"]}
    ours = {one.key for one in requirements()}
    assert theirs <= ours
    assert ours - theirs == {"refer-2", "refer-7", "refer-8", "refer-10", "priv-9", "priv-11"}


def test_the_keys_that_a_file_is_held_to_are_requirements_or_invariants():
    tables = pytest.importorskip("casebridge_fhir.checking.tables")
    known = {one.key for one in requirements()}
    named = {rule.id for listed in tables.rules().values() for rule in listed}
    named |= {key for bound in tables.bindings().values() for b in bound for key in (b.rule, b.rule_of_several)}
    looks_like_a_key = {name for name in named if name.partition("-")[0] in {key.partition("-")[0] for key in known}}
    assert looks_like_a_key - known == {"task-output", "task-focus", "task-for", "task-requester", "task-part-of",
                                        "task-owner"}  # fmt: skip
