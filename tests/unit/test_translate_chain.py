"""Documents that hang on each other in a long chain: refused with the first, each looked at once."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from casebridge.adapter import RenderContext
from casebridge.core.errors import RecordError
from casebridge.translating.proving import Proof
from casebridge.translating.report import Report
from casebridge.translating.shelf import Kept, Name, Shelf


class FirstIsWrong:
    """A format that cannot hold the first of its documents."""

    name = "chain"

    def gather(self, documents: Any, context: Any, out: Any) -> Iterator[tuple[int, RecordError]]:
        yield 0, RecordError("CB-301", "a bad one")

    def render(self, documents: Any, context: Any) -> Iterator[Any]:
        yield from ()


class Counted(Shelf):
    """A shelf that counts what it is asked for."""

    asked = 0

    def run(self, sql: str, *values: object) -> sqlite3.Cursor:
        self.asked += 1
        return super().run(sql, *values)


def proof(length: int) -> Proof:
    """Observations, each derived from the one before it, and one that hangs on none."""
    shelf = Counted()
    for n in range(length):
        above = [Name("f/x", f"k{n - 1}", f"k{n - 1}")] if n else []
        shelf.write(Name("f/x", f"k{n}", f"k{n}"), Kept("assessment", f"k{n}", "", f"row {n}", {}), {}, above)
    shelf.write(Name("f/x", "alone", "alone"), Kept("assessment", "alone", "", "row", {}), {})
    context = RenderContext("d", datetime(2026, 11, 1, tzinfo=UTC), partner="file")
    return Proof(shelf, SimpleNamespace(format=FirstIsWrong()), context, Report())  # type: ignore[arg-type]


def test_what_hangs_on_a_refused_one_is_refused_and_the_rest_is_not() -> None:
    found = proof(4)
    assert found.write(io.BytesIO(), lambda doing, count: None) is False
    assert [(r.position, r.code) for r in found.report.refused] == [
        ("row 0", "CB-301"), ("row 1", "CB-245"), ("row 2", "CB-245"), ("row 3", "CB-245"),
    ]  # fmt: skip
    assert [d.key for d in found.shelf.documents()] == ["alone"]


@pytest.mark.parametrize("length", [20, 200])
def test_each_is_looked_at_once_however_long_the_chain_is(length: int) -> None:
    found = proof(length)
    found.shelf.asked = 0  # type: ignore[attr-defined]
    found.write(io.BytesIO(), lambda doing, count: None)
    assert found.report.refusals == length
    assert found.shelf.asked < 10 * length  # type: ignore[attr-defined]
