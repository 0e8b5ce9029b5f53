"""What each message asks of the database is found by an index as long as the question, however much lies there.

SQLite chooses without statistics here: an index that only serves the wanted order can win over the one that finds, and
then every record of a partner is read to find one. Nothing shows it but time, and only after a year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from doors import SETTINGS, TOKEN, fhir_client
from sites import TestSite, order, patient, task
from sqlalchemy import event
from sqlalchemy.engine import Engine

IN_COMMON = {"partner", "source", "kind", "type", "name", "direction", "current", "state", "stop", "urgent", "part"}
"""What very many rows have the same value of."""
SMALL = {"map", "subscription"}
OF_WORK = ("ix_message_line", "ix_message_work", "ix_message_held", "ix_dispatch_work")
"""Indexes of nothing but what is still to be done."""


@pytest.fixture
def asked() -> Iterator[dict[str, Any]]:
    """Every question put to a database meanwhile, with the values of the last time."""
    found: dict[str, Any] = {}

    def heard(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if statement.startswith("SELECT") and not executemany:
            found[statement] = parameters

    event.listen(Engine, "before_cursor_execute", heard)
    yield found
    event.remove(Engine, "before_cursor_execute", heard)


def test_no_question_reads_all_rows_of_a_partner(tmp_path: Any, asked: dict[str, Any]) -> None:
    (tmp_path / "token").write_text(TOKEN)
    site = TestSite(tmp_path, hospital_carrier="fhir", hospital_settings=SETTINGS, treatment="treatment")
    with fhir_client(site.bridge) as hospital:
        for resource in (patient(), order(), task()):
            path = f"{resource['resourceType']}/{resource['id']}"
            assert hospital.put(path, json=resource).status_code == 201
        site.work()
        site.answer(site.referral().id, "accept")
        site.work()
        assert hospital.get("Task?status=accepted&_include=Task:focus").json()["total"] == 1
    with site.bridge.site.store.read() as c:
        for statement, parameters in asked.items():
            plan = [str(row[3]) for row in c.raw.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            assert not _reads_too_much(statement, plan), f"{statement}\n{plan}"
    site.bridge.close()


def _reads_too_much(statement: str, plan: list[str]) -> bool:
    """A value that tells rows apart is asked for, and the index in use does not look at it."""
    for step in plan:
        table = re.match(r"(?:SEARCH|SCAN) (\w+)", step)
        if table is None or table[1] in SMALL or any(name in step for name in OF_WORK):
            continue
        wanted = set(re.findall(rf"\b{table[1]}\.(\w+) (?:=|IN) [?(]", statement)) - IN_COMMON
        if wanted and not set(re.findall(r"(\w+)[=<>]", step)) - IN_COMMON:
            return True
    return False
