"""The project's own files, for tests that read the source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def modules() -> list[Path]:
    """Every module of the gateway and of the bundled adapters; no tests."""
    gateway = (ROOT / "src/casebridge").rglob("*.py")
    adapters = (ROOT / "plugins").glob("*/casebridge_*/**/*.py")
    return sorted(path for path in (*gateway, *adapters) if "mappings" not in path.parts)


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file under version control (a fresh clone has nothing else)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]
