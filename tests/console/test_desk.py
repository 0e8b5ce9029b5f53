"""A record reaches a screen through one place, which asks the rules."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/casebridge"


def imported(path: Path) -> set[str]:
    """The dotted names a module imports (``casebridge.store.records``), of the store only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("casebridge.store")}


def callers(path: Path, name: str) -> set[str]:
    """The functions of a module in which ``name`` is called."""
    functions = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.FunctionDef)]
    return {f.name for f in functions for n in ast.walk(f) if isinstance(n, ast.Call) and ast.unparse(n.func) == name}


def test_the_pages_never_open_the_books_themselves():
    modules = sorted((SOURCE / "web").glob("*.py"))
    assert len(modules) > 5
    words = {"casebridge.store.database.iso", "casebridge.store.tally.Sort", "casebridge.store.tally.Sum"}
    assert set().union(*(imported(m) for m in modules)) == words  # a way to write a moment, and two shapes of sums


def test_the_desk_asks_the_rules_in_one_place():
    assert {m.name for m in SOURCE.rglob("*.py") if callers(m, "at_the_desk")} == {"views.py"}
    assert callers(SOURCE / "engine/views.py", "at_the_desk") == {"_at_the_desk"}


def test_only_what_asks_the_rules_reads_records():
    assert callers(SOURCE / "engine/views.py", "records.find") == {"desk_document", "_person_name"}
    asking = {"desk_detail", "desk_document", "desk_event", "desk_record", "_person_name"}
    assert callers(SOURCE / "engine/views.py", "_at_the_desk") == asking
    assert "casebridge.store.records" in imported(SOURCE / "engine/views.py")
    assert "casebridge.store.records" not in imported(SOURCE / "engine/timeline.py")
