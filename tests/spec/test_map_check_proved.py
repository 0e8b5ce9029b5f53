"""Proved maps: what is known by its digest is not proved again, and what has changed is."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from county import NATIVES

from casebridge.core.errors import MapError
from casebridge.core.native import Element
from casebridge.mapping import load_map, load_set, with_converters
from casebridge.mapping.checking import Proved, admit, cache, check_set, gate
from casebridge.mapping.checking.cache import digest, shipped
from casebridge.mapping.checking.shipped import maps
from casebridge.mapping.maps import Map
from casebridge.plugins import SHIPPED_MAPS, load_plugins

GOOD = "map: county/good\ncase: person\nother: county/client\nfields:\n  birth: dob\n"
ELEMENT = NATIVES["county"].element("client", {}, Path())


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The maps that are really checked, and not known before."""
    seen: list[str] = []
    real = gate.check

    def counted(map_: Map, element: Element | None, *, runs: int) -> object:
        seen.append(map_.name)
        return real(map_, element, runs=runs)

    monkeypatch.setattr(gate, "check", counted)
    monkeypatch.setattr(cache, "PROVED_HERE", set())
    return seen


def a_map(tmp_path: Path, text: str = GOOD) -> Map:
    (tmp_path / "good.yaml").write_text(text)
    return load_map(tmp_path / "good.yaml")


def test_a_map_is_proved_once_for_a_site(tmp_path: Path, checked: list[str]) -> None:
    own = tmp_path / "site" / "proved.csv"
    admit([a_map(tmp_path)], NATIVES, Proved(own), runs=10)
    cache.PROVED_HERE.clear()  # another process
    admit([a_map(tmp_path)], NATIVES, Proved(own), runs=10)
    assert checked == ["county/good"]


def test_a_map_that_has_changed_is_proved_again(tmp_path: Path, checked: list[str]) -> None:
    proved = Proved()
    admit([a_map(tmp_path)], NATIVES, proved, runs=10)
    admit([a_map(tmp_path, GOOD.replace("birth: dob", "birth: died_on"))], NATIVES, proved, runs=10)
    assert checked == ["county/good", "county/good"]


def test_a_bad_map_is_refused_each_time(tmp_path: Path, checked: list[str]) -> None:
    bad, proved = a_map(tmp_path, GOOD.replace("dob", "dbo")), Proved(tmp_path / "proved.csv")
    for _ in range(2):
        with pytest.raises(MapError) as caught:
            admit([bad], NATIVES, proved, runs=10)
        assert caught.value.code == "CB-215"
    assert checked == ["county/good", "county/good"]
    assert not (tmp_path / "proved.csv").exists()


def test_who_proves_at_the_same_time_loses_nothing(tmp_path: Path) -> None:
    own, the_map = tmp_path / "proved.csv", a_map(tmp_path)
    digests = [f"{number:064}" for number in range(60)]
    with ThreadPoolExecutor(6) as pool:  # each opens the lock for itself, as a process does
        list(pool.map(lambda digest: Proved(own).add(the_map, digest), digests))
    cache.PROVED_HERE.clear()
    assert set(digests) <= Proved(own).known
    assert sorted(file.name for file in tmp_path.iterdir()) == [".proved.csv.lock", "good.yaml", "proved.csv"]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, the_map = tmp_path / "proved.csv", a_map(tmp_path)
    Proved(own).add(the_map, "a" * 64)
    before = own.read_text()

    def full(_: int) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(cache.os, "fsync", full)
    Proved(own).add(the_map, "b" * 64)
    assert own.read_text() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == [".proved.csv.lock", "good.yaml", "proved.csv"]


def test_where_nothing_can_be_written_the_map_runs_all_the_same(
    tmp_path: Path, checked: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "full").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        admit([a_map(tmp_path)], NATIVES, Proved(tmp_path / "full" / "proved.csv"), runs=10)
    assert "cannot be remembered" in caplog.text


def test_the_digest_changes_with_all_that_the_proof_rests_on(tmp_path: Path) -> None:
    before = digest(a_map(tmp_path), ELEMENT)
    text = "  birth: dob\n  external_id: {at: id, as: ssn}\n"
    assert ELEMENT is not None
    fields = dict(ELEMENT.fields) | {"dob": Element("date", many=True)}
    other = Element("group", children=lambda: fields)
    assert before != digest(a_map(tmp_path), other)
    assert before != digest(a_map(tmp_path), None)
    assert before != digest(a_map(tmp_path, GOOD.replace("  birth: dob\n", text)), ELEMENT)
    assert before == digest(a_map(tmp_path), ELEMENT)


def test_every_shipped_map_is_proved() -> None:
    """Stale? Run ``python -m casebridge.mapping.checking``."""
    known = shipped()
    assert [map_.name for map_, number in maps() if number not in known] == []


@pytest.mark.parametrize("name", sorted(load_plugins().maps))
def test_the_maps_of_a_shipped_set_exclude_each_other(name: str) -> None:
    converters = with_converters(load_plugins().converters.values())
    assert [str(f) for f in check_set(load_set(name, [SHIPPED_MAPS], converters=converters))] == []


PLACES = """map: county/places
case: person
other: county/places
match: {head: a}
ignore: [ignored]
defaults: {export: {given: a}}
fields:
  birth: list(picked=a).born
  how:
    choose:
      - {case: {deceased: absent}, other: {branch: absent}, fields: {}}
"""


@pytest.mark.parametrize("name", ["head", "ignored", "given", "list.picked", "branch"])
def test_a_place_the_map_names_anywhere_is_part_of_what_was_proved(tmp_path: Path, name: str) -> None:
    def schema(changed: str) -> Element:
        def one(path: str) -> Element:
            return Element("number" if path == changed else "text")

        inner = {key: one(f"list.{key}") for key in ("picked", "born")}
        fields = {key: one(key) for key in ("head", "ignored", "given", "branch")}
        return Element("group", children=lambda: {**fields, "list": Element("group", True, children=lambda: inner)})

    the_map = a_map(tmp_path, PLACES)
    assert digest(the_map, schema("")) != digest(the_map, schema(name))


def test_all_the_code_of_the_mapping_language_is_part_of_what_was_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compiled").mkdir()
    executor = tmp_path / "compiled" / "creating.py"
    monkeypatch.setattr(cache, "MAPPING", tmp_path)
    found = set()
    for text in ("a = 1\n", "a = 2\n"):
        executor.write_text(text)
        cache.machinery.cache_clear()
        found.add(cache.machinery())
    cache.machinery.cache_clear()
    assert len(found) == 2
