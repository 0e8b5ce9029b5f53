"""docs/guides/mapping.md: every map in it is in order, every command runs, every message is what a user would see."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commands import Command, command_line

from casebridge.core.errors import MapError
from casebridge.mapping import load_map, with_converters
from casebridge.mapping.header import WORDS
from casebridge.mapping.parse import ALL_WORDS
from casebridge.plugins import load_plugins

TOP = Path(__file__).parents[2]
GUIDE = (TOP / "docs" / "guides" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ?(.*)\n((?:.*\n)*?)```$", GUIDE, re.M)
MAPS = {re.findall(r"^map: (.*)", text)[0]: text for kind, info, text in BLOCKS if kind == "yaml" and info != "wrong"}
FILES = {info: text for kind, info, text in BLOCKS if kind == "json"}
WRONG = [(text, BLOCKS[i + 1][2]) for i, (_, info, text) in enumerate(BLOCKS) if info == "wrong"]
REFUSED = [(info, text.strip()) for _, info, text in BLOCKS if info.startswith("refused")]
COMMANDS = [
    (info, text.strip(), BLOCKS[i + 1][2] if BLOCKS[i + 1][0] == "text" else "")
    for i, (kind, info, text) in enumerate(BLOCKS)
    if kind == "sh"
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in MAPS.items():
        write_map(tmp_path, text)
        assert re.findall(r"^map: (.*)", text) == [name]
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def casebridge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> Command:
    return command_line(monkeypatch, capsys, folder)


def write_map(folder: Path, text: str) -> str:
    """The map's file in the folder's mappings, by its own name."""
    path = Path("mappings") / (re.findall(r"^map: (.*)", text)[0] + ".yaml")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")
    return str(path)


def in_one_line(text: str) -> str:
    """The words of a page or a screen, without the lines that frame tables."""
    return " ".join(re.sub(r"[\u2500-\u257f]", " ", text).split())


@pytest.mark.parametrize("name", MAPS)
def test_a_map_of_the_guide_is_in_order(casebridge: Command, name: str) -> None:
    code, said = casebridge("map", "check", name, "--runs", "200")
    assert (code, "1 map: in order" in said) == (0, True), said


@pytest.mark.parametrize("name", MAPS)
def test_a_map_of_the_guide_has_examples(folder: Path, name: str) -> None:
    converters = with_converters(load_plugins().converters.values())
    the_map = load_map(folder / "mappings" / f"{name}.yaml", search=[TOP / "mappings"], converters=converters)
    assert the_map.definition.examples
    assert the_map.run_examples() == []


@pytest.mark.parametrize(("info", "line", "expected"), COMMANDS, ids=[line for _, line, _ in COMMANDS])
def test_a_command_of_the_guide_says_what_the_guide_says(
    casebridge: Command, info: str, line: str, expected: str
) -> None:
    code, said = casebridge(*line.split()[1:])
    assert code == (1 if info == "differs" else 0), said
    for sentence in expected.splitlines():
        assert in_one_line(sentence) in in_one_line(said)


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_map_of_the_guide_says_so(casebridge: Command, folder: Path, text: str, message: str) -> None:
    code, said = casebridge("map", "check", write_map(folder, text), "--runs", "0")
    assert code != 0
    for sentence in message.splitlines():
        assert in_one_line(sentence) in in_one_line(said)


@pytest.mark.parametrize(("info", "message"), REFUSED)
def test_a_refused_record_of_the_guide_says_so(folder: Path, info: str, message: str) -> None:
    _, record, name = re.fullmatch(r"(refused) (\{.*\}) (\S+)", info).groups()  # type: ignore[union-attr]
    with pytest.raises(MapError) as caught:
        load_map(folder / "mappings" / f"{name}.yaml").read(json.loads(record))
    assert str(caught.value).startswith(message + " (CB-")


def test_the_guide_has_all_of_them() -> None:
    assert (len(MAPS), len(WRONG), len(REFUSED), len(COMMANDS)) == (5, 7, 2, 4)


@pytest.mark.parametrize("word", sorted((WORDS | ALL_WORDS | {"drop", "way"}) - {"about"}))
def test_every_word_of_the_language_is_in_the_guide(word: str) -> None:
    assert re.search(rf"\b{word}\b", GUIDE)
