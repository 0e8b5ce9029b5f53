"""JSON that is handed back as it came: numbers keep their spelling, what is doubtful is refused in plain words."""

from __future__ import annotations

import copy
import pickle

import pytest

from casebridge.core.jsontext import Number, dumps, loads


@pytest.mark.parametrize("number", ["0", "-1", "72.50", "1e-7", "1E+2", "-0", "0.00000001", "98765432109876543210987"])
def test_a_number_goes_back_as_it_was_spelled(number: str) -> None:
    data = b'{"value":%b}' % number.encode()
    assert dumps(loads(data)) == data


def test_a_number_compares_as_a_number_and_survives_copies() -> None:
    number = loads("72.50")
    assert number == 72.5
    for other in (copy.copy(number), copy.deepcopy([number])[0], pickle.loads(pickle.dumps(number))):
        assert isinstance(other, Number)
        assert str(other) == "72.50"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "line 1 column 1"),
        (b'{"a": 1,\n "b" 2}', "line 2 column 6"),
        (b'{"name": "Moreno", "name": "Haddad"}', "named twice"),
        (b"[NaN]", "NaN is not a number"),
        (b"[-Infinity]", "Infinity is not a number"),
        (b'["\\ud800"]', "half of a character"),
        (b"\xff", "not UTF-8"),
        (b"[" * 101 + b"]" * 101, "deeper than 100"),
        (b"[" * 100_000, "deeper than 100"),
    ],
)
def test_what_is_doubtful_is_refused_without_showing_it(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        loads(data)
    assert "Moreno" not in str(caught.value)


def test_a_byte_order_mark_and_any_letter_pass() -> None:
    assert loads("\ufeff[\"Zoë \\ud83d\\ude00\"]".encode()) == ["Zoë 😀"]
    assert loads(b"[" * 100 + b"]" * 100)
