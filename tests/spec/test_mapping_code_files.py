"""A code table in a CSV file, read whole as a spreadsheet reads it; what is not understood is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebridge.core.errors import MapError
from casebridge.mapping.code_files import rows_of_file

FILE = Path("codes/sex.csv")
GOOD: list[tuple[str, list[tuple[str, str, str, int]]]] = [
    ("case,other\nmale,M\nfemale,F\n", [("male", "M", "both", 2), ("female", "F", "both", 3)]),
    ("\ufeffcase,other\r\nmale,M\r\n", [("male", "M", "both", 2)]),
    ("case,other\rmale,M\r", [("male", "M", "both", 2)]),
    ("case,other,way\nmale,M,\nmale,Man,import\n", [("male", "M", "both", 2), ("male", "Man", "import", 3)]),
    ("# a note, with commas\n\ncase,other\n# another\nmale,M\n", [("male", "M", "both", 5)]),
    ('case,other\n"#1","Male, adult"\n', [("#1", "Male, adult", "both", 2)]),
    ('case,other,about\nmale,M,"two\n# lines"\nfemale,F,\n', [("male", "M", "both", 2), ("female", "F", "both", 4)]),
    ("case,other,about\nmale,M,a\u2028b\n", [("male", "M", "both", 2)]),
    ("case,other,,\nmale,M,,\n", [("male", "M", "both", 2)]),
]
BAD: list[tuple[bytes, str, str, int]] = [
    (b"case,other\nmale,M\nquestioning,X,export\n", "CB-203", "no column for `export`", 3),
    (b"case,other\nmale,Male, adult\n", "CB-203", "no column for `adult`", 2),
    (b"case,other,other\nmale,M,X\n", "CB-204", "the column `other` twice", 1),
    (b"case,other\nmale,M\n#1,X\n", "CB-203", 'in quotes: "#1"', 3),
    (b"case;other\nmale;M\n", "CB-203", "separate with commas", 1),
    (b"case\tother\nmale\tM\n", "CB-203", "separate with commas", 1),
    (b"case,other\nmale;M\n", "CB-201", "separate with commas", 2),
    (b"Case,Other\nmale,M\n", "CB-203", "small letters", 1),
    (b"male,M\nfemale,F\n", "CB-203", "names its columns", 1),
    (b"case,other\nm\xe4nnlich,M\n", "CB-201", "UTF-8", 1),
    ("case,other\nmale,M\n".encode("utf-16"), "CB-201", "UTF-8", 1),
    (b'case,other\nmale,M\n"female,F\nother,X\n', "CB-201", "not a line of a CSV file", 3),
    (b'case,other\nmale,"M"ale\n', "CB-201", "not a line of a CSV file", 2),
    (b'case,other\n"ma\nle",M\n', "CB-201", "a line break", 2),
    (b"case,other\nmale\n", "CB-201", "[case, other]", 2),
    (b"", "CB-201", "is empty", 1),
]


@pytest.mark.parametrize(("text", "rows"), GOOD)
def test_the_rows_of_a_file(text: str, rows: list[tuple[str, str, str, int]]) -> None:
    found = rows_of_file(FILE, text.encode())
    assert [(row.case, row.other, row.way, row.place.line) for row in found] == rows


@pytest.mark.parametrize(("data", "code", "said", "line"), BAD)
def test_what_is_not_understood_is_refused_with_its_line(data: bytes, code: str, said: str, line: int) -> None:
    with pytest.raises(MapError) as caught:
        rows_of_file(FILE, data)
    assert (caught.value.code, caught.value.line) == (code, line)
    assert said in str(caught.value)
