"""A change laid over what was said before: what it does not say stays."""

from typing import Any

import pytest

from casebridge.core.changes import laid_over

Doc = dict[str, Any]
R, N = {"system": "conf", "code": "R"}, {"system": "conf", "code": "N"}
HOME, POST = {"kind": "home", "city": "ALBANY", "county": "001"}, {"kind": "mailing", "city": "TROY"}

CASES: list[tuple[str, Doc, Doc, Doc]] = [
    ("what is not said stays", {"birth": "1987", "deceased": True}, {}, {"birth": "1987", "deceased": True}),
    ("what is said counts", {"birth": "1987"}, {"birth": "1988"}, {"birth": "1988"}),
    ("a label stays", {"labels": [R]}, {}, {"labels": [R]}),
    ("until one of its system is stated", {"labels": [R]}, {"labels": [N]}, {"labels": [N]}),
    ("a label of another system comes on top", {"labels": [{"system": "act", "code": "PSY"}]}, {"labels": [R]},
     {"labels": [{"system": "act", "code": "PSY"}, R]}),
    ("an address of a kind is replaced as a whole", {"addresses": [HOME, POST]},
     {"addresses": [{"kind": "home", "city": "UTICA"}]}, {"addresses": [{"kind": "home", "city": "UTICA"}, POST]}),
    ("an identifier by system and scope",
     {"identifiers": [{"system": "ssn", "scope": "person", "value": "1"}, {"system": "m", "scope": "person"}]},
     {"identifiers": [{"system": "m", "scope": "person", "value": "2"}]},
     {"identifiers": [{"system": "ssn", "scope": "person", "value": "1"},
                      {"system": "m", "scope": "person", "value": "2"}]}),
    ("several of one kind", {"characteristics": [{"code": "race", "value": "a"}, {"code": "race", "value": "b"}]},
     {"characteristics": [{"code": "race", "value": "c"}]}, {"characteristics": [{"code": "race", "value": "c"}]}),
    ("numbers have no kind: all are replaced", {"telecoms": [{"value": "1"}, {"value": "2"}]},
     {"telecoms": [{"value": "3"}]}, {"telecoms": [{"value": "3"}]}),
    ("an end stays while it has ended", {"status": "ended", "end": "2026-01-31"}, {"status": "ended", "reason": "x"},
     {"status": "ended", "end": "2026-01-31", "reason": "x"}),
    ("what is in effect again has not ended", {"status": "ended", "end": "2026-01-31", "reason": "x", "plan": "P"},
     {"status": "eligible"}, {"status": "eligible", "plan": "P"}),
    ("a planned end stays", {"status": "eligible", "end": "2026-12-31"}, {"status": "eligible"},
     {"status": "eligible", "end": "2026-12-31"}),
    ("but not one before the new begin", {"status": "eligible", "end": "2026-12-31"}, {"entry": "2027-01-01"},
     {"status": "eligible", "entry": "2027-01-01"}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "said", "after"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_change(before: Doc, said: Doc, after: Doc) -> None:
    assert laid_over(before, said) == after


@pytest.mark.parametrize(("before", "said"), [c[1:3] for c in CASES], ids=[c[0] for c in CASES])
def test_said_twice_it_changes_nothing_more(before: Doc, said: Doc) -> None:
    once = laid_over(before, said)
    assert list(laid_over(once, said).items()) == list(once.items())
