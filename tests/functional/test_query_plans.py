"""What each message asks of the database is found by an index as long as the question, however much lies there.

SQLite chooses without statistics here: an index that only serves the wanted order can win over the one that finds, and
then every record of a partner is read to find one. Nothing shows it but time, and only after a year.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from doors import SETTINGS, TOKEN, fhir_client
from sites import TestSite, order, patient, task
from sqlalchemy import event
from sqlalchemy.pool import Pool

IN_COMMON = {"partner", "source", "kind", "type", "name", "direction", "current", "state", "stop", "urgent", "part"}
"""What very many rows have the same value of."""
SMALL = {"map", "subscription"}
OF_WORK = ("ix_message_line", "ix_message_work", "ix_message_held", "ix_dispatch_work")
"""Indexes of nothing but what is still to be done."""


@pytest.fixture
def asked() -> Iterator[set[str]]:
    """Every question put to a database meanwhile, with its values."""
    found: set[str] = set()

    def opened(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(found.add)

    event.listen(Pool, "connect", opened)
    yield found
    event.remove(Pool, "connect", opened)


def test_no_question_reads_all_rows_of_a_partner(tmp_path: Path, asked: set[str]) -> None:
    (tmp_path / "token").write_text(TOKEN)
    site = TestSite(tmp_path, hospital_carrier="fhir", hospital_settings=SETTINGS, treatment="treatment")
    with fhir_client(site.bridge) as hospital:
        for resource in (patient(), order(), task()):
            path = f"{resource['resourceType']}/{resource['id']}"
            assert hospital.put(path, json=resource).status_code == 201
        site.work()
        by_messages = set(asked)
        there = site.referral()
        asked &= by_messages  # a list for people may be sorted
        site.answer(there.id, "accept")
        site.work()
        assert hospital.get("Task?status=accepted&_include=Task:focus").json()["total"] == 1
    questions = {statement for statement in asked if statement.startswith("SELECT")}
    assert len(questions) > 100
    with closing(sqlite3.connect(tmp_path / "casebridge.db")) as books:
        for question in questions:
            plan = [str(row[3]) for row in books.execute(f"EXPLAIN QUERY PLAN {question}")]
            assert not _reads_too_much(question, plan), f"{question}\n{plan}"
    site.bridge.close()


def _reads_too_much(question: str, plan: list[str]) -> bool:
    """A value that tells rows apart is asked for, and the index in use does not look at it; or all are sorted for the
    first few."""
    if any(name in step for step in plan for name in OF_WORK):
        return False
    if "LIMIT" in question and any(step.startswith("USE TEMP B-TREE FOR ORDER") for step in plan):
        return True
    for step in plan:
        table = re.match(r"(?:SEARCH|SCAN) (\w+)", step)
        if table is None or table[1] in SMALL:
            continue
        wanted = set(re.findall(rf"\b{table[1]}\.\"?(\w+)\"? (?:=|IN) ", question)) - IN_COMMON
        if wanted and not set(re.findall(r"(\w+)[=<>]", step)) - IN_COMMON:
            return True
    return False
