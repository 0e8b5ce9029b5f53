"""put: what stands in a place of a line and is none of the line's own stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mapped import edited, lines, no_room, put, read

RACE = """characteristics(code=race).value:
    flags: {asian: A, black: B}
    none: {at: N, codes: {rows: [[absent:not-asked, '99']], otherwise: refuse}}
birth: b
"""


def of(*words: str) -> dict[str, Any]:
    return {"characteristics": [{"code": "race", "value": list(words)}]}


@pytest.mark.parametrize(
    ("base", "data"),
    [
        pytest.param({"NM": {"08": "EI", "09": "7"}, "b": "1"}, {"NM": {"08": "EI", "09": "7"}}, id="another's"),
        pytest.param({"NM": {"08": "34", "09": "7"}, "b": "1"}, {}, id="its own"),
    ],
)
def test_a_value_goes_from_where_its_constants_stand(tmp_path: Path, base: Any, data: Any) -> None:
    the_map = lines(tmp_path, "birth: {at: NM.09, with: {'08': '34'}, also_read: [b]}")
    assert edited(the_map, base, birth=None) == data


def test_a_flag_that_says_neither_yes_nor_no_stays(tmp_path: Path) -> None:
    the_map = lines(tmp_path, RACE)
    assert put(the_map, {}, {"A": "1", "B": "8"}) == {"B": "8"}
    assert put(the_map, of("black"), {"A": "1", "B": "8"}) == {"A": "0", "B": "1"}


def test_a_word_without_a_flag_says_no_to_none(tmp_path: Path) -> None:
    the_map = lines(tmp_path, RACE)
    assert put(the_map, of("native")) == {}
    assert put(the_map, of("native"), {"N": "99"}) == {}
    assert no_room(the_map, of("native")) == ["person.characteristics[0].value[0]"]
    assert put(the_map, of("native", "asian")) == {"A": "1", "B": "0"}
    assert put(the_map, of("native", "asian"), {"N": "99"}) == {"A": "1", "B": "0"}


def test_flags_stay_where_their_reason_cannot_be_read(tmp_path: Path) -> None:
    the_map = lines(tmp_path, RACE)
    base = {"A": "0", "B": "0", "N": "77"}
    assert put(the_map, {"birth": "1974"}, base) == {**base, "b": "1974"}


def test_a_reason_in_place_of_words_is_written_with_noes(tmp_path: Path) -> None:
    the_map = lines(tmp_path, RACE)
    person = {"characteristics": [{"code": "race", "value": {"absent": "not-asked"}}]}
    assert put(the_map, person) == {"A": "0", "B": "0", "N": "99"}
    assert read(the_map, put(the_map, person)) == person


TWO_LISTS = """names: {each: N(k=a), key: f, fields: {family: f}}
identifiers: {each: N(k=b), key: v, fields: {value: v, system: s, kind: {at: x, when: {system: alpha}}}}"""


def test_a_line_lapses_for_the_item_it_counted_for_wherever_that_has_moved_to(tmp_path: Path) -> None:
    """One line drops an item of the list, and those of the next line move up."""
    the_map = lines(tmp_path, TWO_LISTS)
    one, two = {"k": "b", "v": "1", "s": "alpha", "x": "K"}, {"k": "b", "v": "2", "s": "beta", "x": "theirs"}
    base = {"N": [{"k": "a", "f": "Ng"}, one, two]}
    person = {"identifiers": [{"value": "1", "system": "alpha", "kind": "K"}, {"value": "2", "system": "beta"}]}
    assert put(the_map, person, base) == {"N": [one, two]}
    person["identifiers"][0] = {"value": "1", "system": "gamma"}
    assert put(the_map, person, base) == {"N": [{"k": "b", "v": "1", "s": "gamma"}, two]}
