"""Every place the glossary names exists; every promise of privacy has what holds it and a test that guards it."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def rows(page: str) -> list[list[str]]:
    """The cells of every table row of a page, without heads and rules."""
    lines = [line for line in (ROOT / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if "`" in row[-1]]


WORDS = {row[0]: row[-1].strip("`") for row in rows("GLOSSARY.md")}
PAGES = ("docs/why/privacy.md", "docs/why/durability.md")
PROMISES = {row[0]: (row[1].strip("`"), row[2].strip("`")) for page in PAGES for row in rows(page)}


@pytest.mark.parametrize("place", sorted(set(WORDS.values())))
def test_a_word_is_where_the_glossary_says(place):
    module, _, name = place.partition(":")
    assert not name or hasattr(importlib.import_module(module), name)
    assert importlib.import_module(module)


def test_the_glossary_has_the_words_of_the_house():
    assert {"partner", "adapter", "format", "link", "door", "map", "slice", "record", "client", "payload", "message",
            "dispatch", "stop", "lane", "held", "disclosure"} <= set(WORDS)  # fmt: skip


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_is_held_and_guarded(promise):
    holder, guard = PROMISES[promise]
    path, _, test = guard.partition("::")
    assert (ROOT / holder).is_file()
    assert (ROOT / path).is_file()
    assert not test or re.search(rf"^def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_words_and_promises():
    assert len(WORDS) > 40
    assert len(PROMISES) > 15
