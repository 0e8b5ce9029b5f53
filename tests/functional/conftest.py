"""Sites for functional tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import TestSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestSite]:
    """A site with the defaults."""
    made = TestSite(tmp_path)
    yield made
    made.bridge.close()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Any]:
    """A site with other settings."""
    made: list[TestSite] = []

    def make(**settings: str) -> TestSite:
        made.append(TestSite(tmp_path / f"site{len(made)}" if made else tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        one.bridge.close()
