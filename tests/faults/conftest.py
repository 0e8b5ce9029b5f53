"""Sites that meet bad input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sites import TestSite


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., TestSite]]:
    """Makes sites with their own settings, each in a folder of its own."""
    made: list[TestSite] = []

    def make(**settings: str) -> TestSite:
        made.append(TestSite(tmp_path / f"site{len(made)}", **settings))
        return made[-1]

    yield make
    for one in made:
        one.bridge.close()


@pytest.fixture
def site(make_site: Callable[..., TestSite]) -> TestSite:
    """A site with the defaults."""
    return make_site()
