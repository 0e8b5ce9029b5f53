"""What the shipped maps call a service is a word of the core: an error may show it, a partner's text is masked."""

from __future__ import annotations

from pathlib import Path

from casebridge.core import schema
from casebridge.mapping.code_files import rows_of_file

TABLE = Path(__file__).resolve().parents[3] / "mappings" / "sdohcc" / "codes" / "service.csv"


def test_every_service_of_the_shipped_table_is_a_word_of_the_core():
    assert {row.case for row in rows_of_file(TABLE, TABLE.read_bytes())} <= schema.plain_codes()
