"""The routes that docs/guides/referrals.md shows are taken as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from casebridge.config import Config

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "referrals.md"


def test_every_route_of_the_guide_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    config = Config.model_validate({"site": {"name": "Guide"}, "partner": {}, **tomllib.loads(text)})
    assert [(route.mode, route.to, route.then, route.skip_full) for route in config.route] == [
        ("", ("food-bank",), (), False),
        ("split", ("food-bank", "clothing-room"), (), False),
        ("offer", ("north-drivers", "south-drivers"), (), False),
        ("", ("harbor-house",), ("second-street", "armory"), True),
    ]
