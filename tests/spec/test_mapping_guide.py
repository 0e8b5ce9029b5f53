"""docs/guides/mapping.md: every map in it runs, and every message in it is the one a user would see."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from casebridge.core.errors import MapError
from casebridge.mapping import load_map
from casebridge.mapping.header import WORDS
from casebridge.mapping.parse import ALL_WORDS

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ?(.*)\n((?:.*\n)*?)```$", GUIDE, re.M)
MAPS = {re.findall(r"^map: (.*)", text)[0]: text for kind, info, text in BLOCKS if kind == "yaml" and info != "wrong"}
WRONG = [(text, BLOCKS[i + 1][2].strip()) for i, (_, info, text) in enumerate(BLOCKS) if info == "wrong"]
REFUSED = [(info, text.strip()) for _, info, text in BLOCKS if info.startswith("refused")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in MAPS.items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", MAPS)
def test_a_map_of_the_guide_runs(folder: Path, name: str) -> None:
    the_map = load_map(folder / f"{name}.yaml")
    assert the_map.definition.examples
    assert the_map.run_examples() == []


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_map_of_the_guide_says_so(folder: Path, text: str, message: str) -> None:
    (folder / "county" / "client.yaml").write_text(text)
    with pytest.raises(MapError) as caught:
        load_map(folder / "county" / "client.yaml")
    assert str(caught.value).startswith(message + " (CB-")


@pytest.mark.parametrize(("info", "message"), REFUSED)
def test_a_refused_record_of_the_guide_says_so(folder: Path, info: str, message: str) -> None:
    _, record, name = re.fullmatch(r"(refused) (\{.*\}) (\S+)", info).groups()  # type: ignore[union-attr]
    with pytest.raises(MapError) as caught:
        load_map(folder / f"{name}.yaml").read(json.loads(record))
    assert str(caught.value).startswith(message + " (CB-")


def test_the_guide_has_all_of_them() -> None:
    assert (len(MAPS) >= 5, len(WRONG), len(REFUSED)) == (True, 3, 1)


@pytest.mark.parametrize("word", sorted((WORDS | ALL_WORDS | {"drop", "way"}) - {"about"}))
def test_every_word_of_the_language_is_in_the_guide(word: str) -> None:
    assert re.search(rf"\b{word}\b", GUIDE)
