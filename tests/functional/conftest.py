"""Sites for functional tests, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import TestSite


@pytest.fixture
def site(tmp_path: Path, store_url: str) -> Iterator[TestSite]:
    """A site with the defaults."""
    made = TestSite(tmp_path, store=store_url)
    yield made
    made.bridge.close()


@pytest.fixture
def make_site(tmp_path: Path, new_store: Callable[[], str]) -> Iterator[Any]:
    """A site with other settings."""
    made: list[TestSite] = []

    def make(**settings: str) -> TestSite:
        folder = tmp_path / f"site{len(made)}" if made else tmp_path
        made.append(TestSite(folder, store=new_store(), **settings))
        return made[-1]

    yield make
    for one in made:
        one.bridge.close()
