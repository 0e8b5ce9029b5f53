"""Bad maps (``bad_maps/``), one for each rule and each trap: refused with its own message, at its own place."""

from __future__ import annotations

from pathlib import Path

import pytest
from county import CONVERTERS, NATIVES

from casebridge.core.errors import MapError
from casebridge.mapping import load_map, with_converters
from casebridge.mapping.checking import check, element_of
from casebridge.mapping.checking.report import Finding
from casebridge.mapping.notation import Place

FOLDER = Path(__file__).parent / "bad_maps"
KNOWN = with_converters(CONVERTERS)

BAD: list[tuple[str, str, int, str, str]] = [
    # the map                   code      line  what the message says                          what would go wrong
    ("position", "CB-202", 6, "positions such as [0] are not part of the language", ""),
    ("bracket-path", "CB-201", 5, "this is not YAML", ""),
    ("comma-in-selector", "CB-203", 5, "join the conditions of a selector with &", ""),
    ("list-without-key", "CB-207", 5, "the list `phone` has no `key`", ""),
    ("unknown-word", "CB-203", 5, "`convert` is not a word of a line", ""),
    ("duplicate-key", "CB-204", 7, "`birth` is already written in line 5", ""),
    ("case-path-typo", "CB-202", 5, "did you mean `birth`", ""),
    ("anchor", "CB-201", 5, "anchors and aliases", ""),
    ("otherwise-missing", "CB-201", 5, "must say what happens to a code it does not list", ""),
    ("unknown-record", "CB-231", 1, "`county` has no record `clinet`; did you mean `client`?", ""),
    ("other-path-typo", "CB-215", 6, "did you mean `family`?", "always read nothing"),
    ("below-a-value", "CB-215", 5, "`county/client` has nothing below `dob`", "never find anything"),
    ("ignored-typo", "CB-215", 1, "did you mean `note`?", "always read nothing"),
    ("each-over-one", "CB-216", 5, "`home` is not a list", "Write `in: home` instead of `each:`"),
    ("group-of-a-value", "CB-216", 5, "`dob` is one value", "Write `at: dob`"),
    ("selector-on-a-value", "CB-216", 5, "`dob` is one value", "The selector would never hold"),
    ("list-without-selector", "CB-216", 5, "`name` is a list", "`name()` for the first"),
    ("value-of-a-group", "CB-216", 5, "`home` is a group", "Say which field of it: home.city"),
    ("text-for-yes-or-no", "CB-216", 8, "is true or false, and `phone.ok` is text", "Text would be refused"),
    ("quoted-true", "CB-216", 13, "is true or false, and this row gives the text `true`", "without quotes"),
    ("boolean-as-text", "CB-216", 5, "`active` is true or false, and `person.status` is text", "true would be refused"),
    ("two-lines-one-field", "CB-217", 6, "two lines write `dob` on export: line 5 (`birth`) and line 6",
     "both `birth` and `effective.start` would lose one"),
    ("two-lines-one-case-field", "CB-217", 6, "two lines write `effective.start` on import",
     "both `event_date` and `span.from` would lose one"),
    ("overlapping-selectors", "CB-218", 6, "two selectors can pick the same item of `NM1`",
     "An item with `01=IL` and `02=1` and `08=34` is meant by both, and export would write two items"),
    ("overlapping-case-selectors", "CB-218", 6, "two selectors can pick the same item of `names`",
     "An item with `use=official` and `quality=full`"),
    ("each-and-selector", "CB-218", 9, "`each` in line 5", "would be written by both"),
    ("branches-overlap-outside", "CB-219", 8, "overlap on the other side",
     "with `died:present` and `died_on:present` fits both"),
    ("branches-overlap-inside", "CB-219", 8, "overlap on the case side",
     "with `birth:present` and `external_id:present` fits both"),
    ("row-typo-case", "CB-220", 10, "did you mean `inactive`?", "would never be used"),
    ("row-typo-other", "CB-220", 8, "`W` is not a code of `sex` of the partner's record", "It takes F, M, U"),
    ("row-typo-in-a-file", "CB-220", 4, "`FF` is not a code of `sex`", "It takes F, M, U"),
    ("selector-constant-typo", "CB-220", 5, "never is `oficial`; did you mean `official`?", "would never hold"),
    ("when-constant-typo", "CB-220", 6, "did you mean `active`?", "would never hold"),
    ("with-constant-typo", "CB-220", 5, "never is `oficial`; did you mean `official`?", "would be written"),
    ("missing-constant-typo", "CB-220", 5, "`state` never is `X`", "It is one of A, D, I"),
    ("missing-constant-not-read", "CB-220", 5, "`if_missing` gives `X`, which the line cannot read",
     "A record without it would be held"),
    ("default-constant-typo", "CB-220", 1, "`sex` never is `X`", "It is one of F, M, U"),
    ("default-case-constant-typo", "CB-220", 1, "`person.status` of the case model never is `activ`; did you mean "
     "`active`?", "would be held"),
    ("row-never-used", "CB-221", 11, "the row [unknown, F] of the code table `line 8` is never used",
     "[female, F], comes first, so `F` never becomes `unknown`"),
    ("no-code-table", "CB-222", 5, "`state` takes only A, D, I", "Export would write `active`"),
    ("many-to-one", "CB-223", 8, "several codes become `U`", "questioning -> U -> other"),
    ("dropped-codes", "CB-223", 5, "a code without a row is left out", "U -> (nothing)"),
    ("kept-code-collides", "CB-223", 10, "`H` may also come as itself", "H -> H -> home"),
    ("default-of-a-line", "CB-223", 6, "what is missing becomes `1900-01-01` (`defaults`)", "(nothing) -> 1900-01-01"),
    ("several-values-in-a-selector", "CB-223", 5, "`telecoms.use` may be home or work there", "work -> home"),
    ("default-unsigned", "CB-223", 5, "what is missing becomes `UNKNOWN`", "(nothing) -> UNKNOWN -> UNKNOWN"),
    ("lossy-converter", "CB-223", 5, "the converter `date_of` keeps only a part", "2026-07-30"),
    ("flags-without-none", "CB-223", 5, "no code for why there are none", "absent:asked-unknown -> (nothing)"),
    ("signed-for-nothing", "CB-224", 5, "the line `birth` signs a loss", "Take `loss:` away"),
    ("table-signed-for-nothing", "CB-224", 8, "the code table `sex` signs a loss", "Take `loss:` away"),
    ("converter-breaks-its-law", "CB-225", 5, "the converter `day-first` breaks its law (exact)",
     "fails with ValueError"),
    ("converter-fails", "CB-225", 5, "the converter `falls-over` breaks its law", "fails with RuntimeError"),
    ("theirs-to-write", "CB-226", 7, "`order.status` belongs to a record that only the partner writes",
     "never do anything"),
    ("codes-typed-twice", "CB-228", 9, "one code table for export (`out`) and another for import (`in`)",
     "other -> U -> unknown"),
    ("example-does-not-hold", "CB-206", 7, "example `a birthday`, import", "expected '1974-12-25'"),
    ("selector-cannot-be-made", "CB-229", 1, "`person.external_id` does not come back as it was sent", "-> (nothing)"),
    ("converter-lies", "CB-225", 5, "the converter `first-word` breaks its law (exact)", "which is not what it was"),
]  # fmt: skip


def found_in(name: str) -> tuple[Finding, ...]:
    """What refuses a map: the error of loading it, or all that the checker finds."""
    try:
        the_map = load_map(FOLDER / f"{name}.yaml", converters=KNOWN)
        return check(the_map, element_of(the_map, NATIVES), runs=200).errors
    except MapError as error:
        place = Place(error.file, error.line, error.column)
        return (Finding(error.code, place, error.message, "", error.remedy),)


@pytest.mark.parametrize(("name", "code", "line", "message", "example"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_map_is_refused(name: str, code: str, line: int, message: str, example: str) -> None:
    found = found_in(name)
    assert {finding.code for finding in found} == {code}
    said = [str(finding) for finding in found]
    assert any(message in text and example in text for text in said), said
    assert line in {finding.place.line for finding in found}


def test_every_bad_map_is_in_the_table() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {row[0] for row in BAD}


def test_a_row_of_a_csv_file_is_named_with_the_file_s_own_line() -> None:
    (finding,) = found_in("row-typo-in-a-file")
    assert finding.place.file.endswith("sexes.csv")
    assert finding.place.line == 4


def test_the_first_error_is_raised_with_what_would_go_wrong_and_what_to_write() -> None:
    the_map = load_map(FOLDER / "two-lines-one-field.yaml")
    with pytest.raises(MapError) as caught:
        check(the_map, element_of(the_map, NATIVES), runs=0).raise_first()
    assert caught.value.code == "CB-217"
    assert caught.value.line == 6
    assert "would lose one of them" in caught.value.message
    assert "Write `only: import` on one of them" in caught.value.remedy
