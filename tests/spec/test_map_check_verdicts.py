"""What the checker says of maps that are right: a verdict for each line and direction, gaps, and what it accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
from county import CLIENT

from casebridge.mapping import load_map
from casebridge.mapping.checking import Report, check, check_set
from casebridge.mapping.maps import Map

HEAD = "map: county/good\ncase: person\nother: county/client\nfields:\n"


def a_map(tmp_path: Path, text: str, name: str = "good", head: str = HEAD) -> Map:
    path = tmp_path / f"{name}.yaml"
    path.write_text(head + text + "\n")
    return load_map(path)


def report(tmp_path: Path, text: str, runs: int = 100) -> Report:
    return check(a_map(tmp_path, text), CLIENT, runs=runs)


VERDICTS: list[tuple[str, str, str, str, str]] = [
    # the lines                                            way       verdict      why                    witness
    ("  birth: dob", "import", "lossless", "", ""),
    ("  birth: dob", "export", "lossless", "", ""),
    ("  birth: {at: dob, also_read: [note]}", "import", "canonical", "also read from note", ""),
    ("  external_id: {at: id, as: ssn}", "export", "canonical", "`ssn` spells values its own way", ""),
    ("  birth: {at: dob, only: import}", "import", "one-way", "only: import", ""),
    ("  names(use=official).given: [id, note]", "export", "canonical", "to these places in order", ""),
    ("  external_id: order.status", "import", "one-way", "the partner alone writes there", ""),
    ("  sexes(kind=hud).value: {at: sex, codes: {rows: [[male, M], [female, F], [absent:not-asked, U]], "
     "otherwise: refuse}}", "export", "lossless", "", ""),
    ("  sexes(kind=hud).value: {at: sex, codes: {rows: [[male, M], [female, F], [other, U], [questioning, U, export]], "
     "otherwise: refuse, loss: they have one code}}", "export", "lossy", "several codes become `U`",
     "questioning -> U -> other"),
    ("  names(use=official).text: {at: note, codes: {rows: [[full, full], [partial, part, import]], otherwise: keep, "
     "loss: they say either}}", "export", "lossy", "`part` may also come as itself", "part -> part -> partial"),
    ("  effective.start: {at: event_date, as: date_of, loss: no time of day}", "import", "lossy", "keeps only a part",
     "2026-07-30 -> 2026-07-30"),
    ("  names(use=official).text: {at: note, if_missing: {import: unknown}, loss: none is told from unknown}",
     "import", "lossy", "what is missing becomes `unknown`", "(nothing) -> unknown -> unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "way", "verdict", "why", "witness"), VERDICTS)
def test_a_verdict(tmp_path: Path, lines: str, way: str, verdict: str, why: str, witness: str) -> None:
    shape = "shape: {parents: {order: {type: Order, follow: id, owner: theirs}}}\n"
    the_map = a_map(tmp_path, lines, head=HEAD.replace("fields:", shape + "fields:"))
    found = check(the_map, CLIENT, runs=100)
    assert found.errors == ()
    said = next(v for v in found.verdicts if v.way == way)
    assert said.verdict == verdict
    assert why in said.why
    assert said.witness == witness
    assert bool(said.signed) == (verdict == "lossy")


def test_a_branch_is_a_verdict_too(tmp_path: Path) -> None:
    found = report(tmp_path, """
  how:
    choose:
      - {case: {status: deceased}, other: {state: D, died_on: present}, fields: {deceased: died_on}}
      - {case: {status: active}, other: {state: A}, fields: {}}
      - {case: {status: inactive}, other: {state: I, died: present}, fields: {}}
""")
    said = {v.case: (v.verdict, v.why) for v in found.verdicts}
    assert found.errors == ()
    assert said["status=active"] == ("lossless", "a branch of `choose`")
    assert said["status=deceased"] == ("canonical", "written only together with `died_on`")
    assert said["status=inactive"] == (
        "one-way", "no line writes `died`, so the state is read and never written")  # fmt: skip


ACCEPTED = [
    # YAML that other mapping languages turn into something else
    "  external_id: id\n  birth: dob",
    "  sexes(kind=hud).value: {at: note, codes: {rows: [[no, no], [male, 001]], otherwise: refuse}}",
    # one place read by two lines, of which one writes it
    "  external_id: id\n  birth: dob\n  names(use=official).text: {at: id, only: import}",
    # one place written by two lines of which only one can hold
    "  effective.start: event_date\n  effective.end: {at: event_date, only: export, when: {effective.start: absent}}",
    # two selectors on one list that nothing meets at once
    "  names(use=official).family: name(use=official).family\n  names(use=old).family: name(use=old).family",
    "  external_id: NM1(01=IL & 02=1).03\n  names(use=old).text: NM1(01=IL & 02:absent).03",
    # an else: the first branch says the same on both sides, through a plain line beside it
    "  names:\n    each: name\n    key: family\n    fields:\n      use: use\n      family: family\n      rest:\n"
    "        choose:\n"
    "          - {case: {use: official}, other: {use: official}, fields: {text: text}}\n"
    "          - {case: {use: present}, other: {use: present}, fields: {text: text}}\n"
    "codes: {}",
    # a state that two records of theirs can mean: the first is written
    "  how:\n    choose:\n"
    "      - {case: {status: deceased}, other: {state: D}, fields: {}}\n"
    "      - {case: {status: deceased}, other: {state: I, died: Y}, fields: {}}",
    # lists that are only read may be read into one
    "  labels: {each: address, key: ., fields: {.: city}, only: import}\n"
    "  others:\n    choose:\n      - case: {external_id: present}\n        other: {id: present}\n"
    "        fields: {external_id: id, labels: {each: phone, key: ., fields: {.: number}, only: import}}",
]


@pytest.mark.parametrize("lines", ACCEPTED)
def test_what_is_right_is_accepted(tmp_path: Path, lines: str) -> None:
    found = report(tmp_path, lines.replace("\ncodes: {}", ""))
    unfit = [f for f in found.errors if f.code != "CB-222"]  # open text to a closed list is another matter
    assert [str(f) for f in unfit] == []


def test_a_code_without_a_row_is_a_gap_and_no_error(tmp_path: Path) -> None:
    found = report(tmp_path, "  status: {at: state, codes: {rows: [[active, A], [inactive, I]], otherwise: refuse}}")
    assert found.errors == ()
    assert [(n.code, n.example) for n in found.notes] == [
        ("CB-232", "A record with D would be held until you add the row."),
        ("CB-232", "A record with deceased would be held until you add the row."),
    ]


def test_a_code_of_the_partners_own_may_be_read_and_never_written(tmp_path: Path) -> None:
    line = "  status: {at: state, codes: {rows: [[active, A], [inactive, I], [active, AC, %s]], otherwise: refuse}}"
    found = report(tmp_path, line % "import")
    assert [str(f) for f in found.errors if f.code == "CB-220"] == []
    assert [n.message for n in found.notes if n.code == "CB-220"] == [
        "`AC` is not in the list of `state`; did you mean `A`?"]
    written = report(tmp_path, line % "both")
    (error,) = [f for f in written.errors if f.code == "CB-220"]
    assert "has `import` as its third cell" in error.remedy


def test_without_a_schema_the_paths_are_not_checked_and_it_is_said(tmp_path: Path) -> None:
    found = check(a_map(tmp_path, "  birth: dbo"), None, runs=20)
    assert found.errors == ()
    assert [n.code for n in found.notes] == ["CB-233"]


def test_the_first_of_many_is_said(tmp_path: Path) -> None:
    found = report(tmp_path, "  names(use=official).family: name().family")
    assert [n.code for n in found.notes] == ["CB-234"]


TWO = "map: county/{0}\ncase: person\nother: county/client\n{1}\nfields:\n  {2}\n"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("match: {state: A}", "match: {state: I}", ["CB-227"]),  # both write a person
        ("match: {state: A}\nwhen: {status: active}", "match: {state: I}\nwhen: {status: inactive}", []),
        ("when: {status: active}", "when: {status: inactive}", ["CB-227"]),  # both read any client
        ("match: {state: A}\nonly: import", "match: {state: I}", []),
        ("match: {state: A}\nonly: import", "match: {state: A, sex: F}\nonly: import", []),  # the special case first
        ("match: {state: A}\nonly: import", "match: {sex: F}\nonly: import", ["CB-227"]),
    ],
)
def test_two_maps_of_a_set_are_for_different_records(tmp_path: Path, first: str, second: str, said: list[str]) -> None:
    maps = [a_map(tmp_path, "", name, TWO.format(name, head, "birth: dob")) for name, head in
            (("a", first), ("b", second))]  # fmt: skip
    assert [finding.code for finding in check_set(maps)] == said
