"""The threat model lists every column of the store that lies open; a new one must be given its line."""

import re
from collections import Counter
from pathlib import Path

from casebridge.store.keys import CLOSED
from casebridge.store.tables import metadata

PAGE = (Path(__file__).resolve().parents[2] / "docs/why/threat-model.md").read_text(encoding="utf-8")
LISTED = Counter(
    f"{row[1]}.{name}"
    for row in re.finditer(r"^\| (\w+) \| ((?:`\w+` ?)+)\|", PAGE, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", row[2])
)
CLOSED_ONES = {f"{column.table.name}.{column.name}" for column, _ in CLOSED}


def test_every_plain_column_has_its_line() -> None:
    plain = {str(column) for table in metadata.sorted_tables for column in table.columns} - CLOSED_ONES
    assert sorted(plain - LISTED.keys()) == []


def test_none_is_listed_that_is_closed_or_gone_or_twice() -> None:
    there = {str(column) for table in metadata.sorted_tables for column in table.columns}
    assert sorted(name for name, count in LISTED.items() if name not in there - CLOSED_ONES or count > 1) == []


def test_bytes_are_closed_but_the_seals() -> None:
    kinds = {str(c) for t in metadata.sorted_tables for c in t.columns if c.type.python_type is bytes}
    assert kinds - CLOSED_ONES == {"seal.tags"}
