"""The house rules that a program can hold: sizes, docstrings, folders that do nothing, one way out."""

from __future__ import annotations

import ast
import importlib
import inspect
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

import casebridge
from casebridge.adapter import Converter, Door, Format, Link

# Documented once, in the protocol that the class implements.
PROTOCOL_METHODS = {name for protocol in (Format, Link, Door, Converter) for name in vars(protocol)}


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def taken_from_released(path: Path) -> Iterator[str]:
    """Each name a module takes out of ``casebridge.core.released``, by import or by attribute."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("released"):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_no_module_is_over_500_lines(modules):
    assert {str(m): lines(m) for m in modules if lines(m) > 500} == {}


def test_the_median_module_has_at_most_120_lines(modules):
    assert statistics.median(map(lines, modules)) <= 120


def test_folders_hand_on_names_and_do_nothing_else(modules):
    def does_something(node: ast.stmt) -> bool:
        if isinstance(node, ast.Expr):
            return not isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Assign):
            return [t.id for t in node.targets if isinstance(t, ast.Name)] != ["__all__"]
        return not isinstance(node, ast.Import | ast.ImportFrom)

    inits = [m for m in modules if m.name == "__init__.py"]
    busy = {str(m) for m in inits for node in ast.parse(m.read_text(encoding="utf-8")).body if does_something(node)}
    assert busy == set()


def importable(modules: list[Path], root: Path) -> Iterator[str]:
    for module in modules:
        if module.name == "__main__.py" or "migrations" in module.parts:  # run, not imported
            continue
        base = next(p for p in (root / "src", *(root / "plugins").iterdir()) if module.is_relative_to(p))
        yield ".".join(module.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def public_definitions(name: str) -> Iterator[tuple[str, object]]:
    """A module's own functions and classes, and the methods of those classes that no protocol or base documents."""
    for thing in vars(importlib.import_module(name)).values():
        if getattr(thing, "__module__", "") != name or getattr(thing, "__name__", "_")[0] == "_":
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield f"{name}.{thing.__name__}", thing
        if inspect.isclass(thing):
            own = [n for n, f in vars(thing).items() if inspect.isfunction(f) and n[0] != "_"]
            elsewhere = PROTOCOL_METHODS | {n for base in thing.__mro__[1:] for n in vars(base)}
            yield from ((f"{name}.{thing.__name__}.{n}", getattr(thing, n)) for n in own if n not in elsewhere)


def test_every_public_name_has_a_docstring(modules, root):
    found = [pair for name in importable(modules, root) for pair in public_definitions(name)]
    assert len(found) > 50
    assert [name for name, thing in found if not inspect.getdoc(thing)] == []


def test_every_module_says_what_it_is_for(modules):
    assert [str(m) for m in modules if not ast.get_docstring(ast.parse(m.read_text(encoding="utf-8")))] == []


def test_the_public_names_are_exactly_those_listed():
    given = {n for n, v in vars(casebridge).items() if n[0] != "_" and not isinstance(v, type(ast))}
    assert sorted(casebridge.__all__) == sorted(given)


@pytest.fixture
def others(modules: list[Path], root: Path) -> list[Path]:
    """Modules that have no business with the seal: all but its own, the one way out, what a file's own holder
    converts (test_exits.py holds that nobody gets it), and the fakes for tests."""
    fakes = root / "src/casebridge/testing/fakes.py"  # nothing can import it (test_layers.py)
    own_file = root / "src/casebridge/translating/own_file.py"
    makers = {root / "src/casebridge/core/released.py", root / "src/casebridge/engine/release.py", own_file, fakes}
    return [m for m in modules if m not in makers]


def test_only_release_can_make_a_released(others):
    """``core/released.py`` seals what may leave; ``engine/release.py`` alone holds the key."""
    assert [f"{m}: {name}" for m in others for name in taken_from_released(m) if name in ("_issue", "_SEAL", "*")] == []
    assert [f"{m}: Released(...)" for m in others for call in calls(m) if called(call) == "Released"] == []


def test_nobody_rewrites_a_released(others):
    """``dataclasses.replace`` copies the seal, so what was decided could be changed behind its back."""
    decided = {"document", "recipient", "purpose", "permitted", "withheld", "notices"}
    rewriters = [
        f"{m}:{call.lineno}"
        for m in others
        for call in calls(m)
        if called(call) == "replace" and decided & {k.arg for k in call.keywords}
    ]
    assert rewriters == []


def calls(path: Path) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


@pytest.mark.parametrize("word", ["manager", "helper", "util", "utils", "handler", "misc", "common"])
def test_modules_are_named_in_the_words_of_the_field(modules, word):
    assert [str(m) for m in modules if word in m.stem.split("_")] == []
