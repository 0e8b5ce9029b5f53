"""The import contracts hold, and each would break if somebody broke it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# A line that must not stand in a file, and the contract that says so.
ROGUES = {
    "core imports a framework": ("src/casebridge/core/rogue.py", "import lxml", "The core knows no framework"),
    "core imports upward": ("src/casebridge/core/rogue.py", "import casebridge.adapter", "Imports run one way"),
    "a module without a place": ("src/casebridge/rogue.py", "import json", "Imports run one way"),
    "an adapter goes behind the door": (
        "plugins/x12/casebridge_x12/rogue.py",
        "from casebridge.registry import Registry",
        "Adapters import only",
    ),
    "an adapter imports another": (
        "plugins/x12/casebridge_x12/rogue.py",
        "import casebridge_fhir.plugin",
        "Adapters never import each other",
    ),
    "SQL outside the store": ("src/casebridge/core/rogue.py", "import sqlalchemy", "All SQL is in the store"),
    "a module imports the conformance kit": (
        "src/casebridge/core/rogue.py",
        "import casebridge.testing",
        "Imports run one way",
    ),
}


def lint(root: Path) -> str:
    paths = [str(root / "src"), *(str(p) for p in sorted((root / "plugins").iterdir()) if p.is_dir())]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "NO_COLOR": "1"}
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache"]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """The source, without tests, maps and data, to be spoilt."""
    skip = shutil.ignore_patterns("mappings", "tests", "__pycache__", "static", "*.csv")
    for part in ("src", "plugins"):
        shutil.copytree(root / part, tmp_path / part, ignore=skip)
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(root):
    said = lint(root)
    assert "0 broken" in said, said


@pytest.mark.parametrize(("file", "line", "contract"), ROGUES.values(), ids=ROGUES)
def test_a_rogue_import_breaks_its_contract(copy, file, line, contract):
    (copy / file).write_text(f'"""A rogue."""\n\n{line}\n')
    said = lint(copy)
    assert [row for row in said.splitlines() if row.startswith(contract) and "BROKEN" in row], said
