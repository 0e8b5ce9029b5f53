"""``casebridge map diff``: maps that read alike and do otherwise differ; those that do the same do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.mapping import load_map
from casebridge.mapping.inspection import differences

HEAD = "map: t/x\ncase: person\nother: foo/bar\n"
NAMED = "names: {mrn: %s}\nfields: {identifiers(system=$mrn).value: ID}\n"
TRUE = "fields: {birth: {at: B, with: {T: %s}}}\n"
TABLE = "fields: {names().use: {at: B, codes: {rows: [%s], otherwise: refuse}}}\n"
LINK = "fields: {subject: {at: S, link: {Patient: person%s}}}\n"
BORN = "{case: {birth: present}, other: {B: present}, fields: {birth: B}}"
STATUS = "{case: {status: present}, other: {S: present}, fields: {status: S}}"
CHOOSE = "fields:\n  d:\n    choose:\n      - %s\n      - %s\n"
EMPTY = "fields:\n  d:\n    choose:\n      - {case: {status: active}, other: {S: %s}, fields: {}}\n"
MATCH = "names: {kind: %s}\nmatch: {T: $kind}\nfields: {birth: B}\n"


def how(tmp_path: Path, *texts: str) -> list[tuple[str, str]]:
    """(field, how) of the differences between two maps with these lines."""
    found = []
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_text(HEAD + text, encoding="utf-8")
        found.append(load_map(tmp_path / f"{number}.yaml").definition)
    return [(one.where, one.said) for one in differences(*found)]


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        (NAMED % "a", NAMED % "b", "person.identifiers(system=$mrn).value", "identifiers(system=b).value"),
        (TRUE % "true", TRUE % "'true'", "person.birth", 'T=true -> T="true"'),
        (TABLE % "[a, X], [b, X]", TABLE % "[b, X], [a, X]", "person.names().use", "X is read as a -> b"),
        (LINK % ", P: person", LINK % "", "person.subject", "P: person, Patient: person -> Patient: person"),
        (CHOOSE % (BORN, STATUS), CHOOSE % (STATUS, BORN), "d", "the order of its lines or branches"),
        (EMPTY % "a", EMPTY % "b", "d", "the conditions of a branch"),
        (MATCH % "a", MATCH % "b", "match", "T=a -> T=b"),
    ],
)
def test_what_reads_alike_and_does_otherwise(tmp_path: Path, old: str, new: str, field: str, said: str) -> None:
    ((where, told),) = how(tmp_path, old, new)
    assert (where, said in told) == (field, True), told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TABLE % "[a, X], [b, Y]", TABLE % "[b, Y], [a, X]"),
        (TABLE % "[a, X], [b, X, export]", TABLE % "[b, X, export], [a, X]"),
        (NAMED % "a", NAMED % "'a'"),
        (LINK % "", "# a remark\n" + LINK % ""),
    ],
)
def test_what_does_the_same_is_no_difference(tmp_path: Path, old: str, new: str) -> None:
    assert how(tmp_path, old, new) == []
