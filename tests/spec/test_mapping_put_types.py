"""put: true is not 1 and 72.50 is not 72.5, yet a number is its text; both executors decide alike what has changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from mapped import a_map

from casebridge.core.jsontext import dumps
from casebridge.mapping import Map, OwnIds, interpreter

MAP = """fields:
  birth: b
  extra: {in: e, fields: {deep: {in: f, fields: {value: v}}}}
  names: {each: name, key: use, fields: {use: use, family: family, given: given}}
  languages: p
"""
STAYS, CHANGES = False, True
TABLE = [
    # theirs       ours              what becomes of theirs
    (True, 1, CHANGES),
    (1, True, CHANGES),
    (True, "true", CHANGES),
    ("1", True, CHANGES),
    (False, 0, CHANGES),
    (0, False, CHANGES),
    (True, True, STAYS),
    (1, "1", STAYS),
    ("1", 1, STAYS),
    (1, 1.0, CHANGES),
    (1.0, 1, CHANGES),
    (Decimal("72.50"), Decimal("72.5"), CHANGES),
    (Decimal("72.5"), 72.5, STAYS),
    (Decimal("72.50"), "72.50", STAYS),
    (0, "", CHANGES),
    (None, "", STAYS),
    ("", None, STAYS),
]


@pytest.fixture(scope="module")
def the_map(tmp_path_factory: pytest.TempPathFactory) -> Map:
    return a_map(tmp_path_factory.mktemp("types"), MAP)


def both(the_map: Map, person: dict[str, Any], base: dict[str, Any]) -> Any:
    """What either executor writes, spelled to the letter; they must agree."""
    written = dumps(the_map.write({"person": person}, OwnIds(), base).data)
    assert written == dumps(interpreter.write(the_map.definition, {"person": person}, OwnIds(), base).data)
    return written


@pytest.mark.parametrize(("theirs", "ours", "changes"), TABLE)
def test_a_value_changes_when_its_text_or_its_kind_does(the_map: Map, theirs: Any, ours: Any, changes: bool) -> None:
    for person, base in [
        ({"birth": ours}, {"b": theirs, "z": "k"}),
        ({"extra": {"deep": {"value": ours}}}, {"e": {"f": {"v": theirs, "z": "k"}}}),
        ({"names": [{"use": "a", "family": ours}]}, {"name": [{"use": "a", "family": theirs, "z": "k"}]}),
        ({"names": [{"use": "a"}, {"use": "b", "family": ours}]},
         {"name": [{"use": "a"}, {"use": "b", "family": theirs, "z": "k"}]}),
    ]:  # fmt: skip
        assert (both(the_map, person, base) != dumps(base)) is changes


def test_a_list_of_values_is_compared_as_a_whole(the_map: Map) -> None:
    base = {"p": [1, 2], "z": "k"}
    for ours in ([1, 2], [True, 2], [1.0, 2], ["1", 2], [2, 1]):
        both(the_map, {"languages": ours}, base)
        both(the_map, {"names": [{"use": "a", "given": ours}]}, {"name": [{"use": "a", "given": [1, 2]}]})
