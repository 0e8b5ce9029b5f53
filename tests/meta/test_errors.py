"""The registry of error codes: every code raised is listed, every listed code is raised, each by its own class."""

from __future__ import annotations

import ast
import re

from casebridge.core import errors
from casebridge.core.errors import error_codes

# Listed but not raised yet, with the reason it keeps its number.
RESERVED = {
    "CB-503": "doubt about who somebody is makes a link under review; its message comes with the page",
}

KINDS = {"SetupError", "MapError", "RecordError", "TryAgain", "Held", "Bug"}


def used(modules) -> dict[str, set[str]]:
    """Code -> the modules that write it."""
    found: dict[str, set[str]] = {}
    for module in modules:
        for code in re.findall(r"\bCB-\d{3}\b", module.read_text(encoding="utf-8")):
            found.setdefault(code, set()).add(module.name)
    return found


def test_every_code_in_the_source_is_listed(modules):
    assert {code: where for code, where in used(modules).items() if code not in error_codes()} == {}


def test_every_listed_code_is_used_or_reserved(modules):
    assert sorted(error_codes().keys() - used(modules).keys() - RESERVED.keys()) == []


def test_reserved_codes_are_listed_and_not_used(modules):
    assert sorted(RESERVED.keys() - error_codes().keys()) == []
    assert sorted(RESERVED.keys() & used(modules).keys()) == []


def test_codes_are_unique_and_in_order(root):
    rows = (root / "src/casebridge/core/data/errors.csv").read_text(encoding="utf-8").splitlines()[1:]
    codes = [row.split(",")[0] for row in rows]
    assert codes == sorted(set(codes))


def test_every_code_names_its_class_and_says_what_to_do():
    for entry in error_codes().values():
        assert issubclass(getattr(errors, entry.kind), errors.CaseBridgeError)
        assert entry.title
        assert entry.remedy.endswith("."), entry


def test_a_code_is_raised_by_the_class_it_is_listed_under(modules):
    wrong = []
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            kind, code = getattr(node.func, "id", getattr(node.func, "attr", "")), node.args[0].value
            listed = error_codes().get(code)
            if listed and kind in KINDS and kind != listed.kind:
                wrong.append(f"{module.name}:{node.lineno}: {kind}({code})")
    assert wrong == []
