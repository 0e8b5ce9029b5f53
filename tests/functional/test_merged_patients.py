"""A hospital merges two records of one patient, and parts them again: one client for as long as it says so."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sites import TestSite, bundle, order, patient, task

from casebridge.store import links
from casebridge.store.links import PersonKey

MRN, MEDICAID = "http://hospital.example/mrn", "urn:casebridge:medicaid-id"
CLINIC = """
[partner.clinic]
role = "covered_entity"
carrier = "folder"
format = "fhir-r4"
maps = "sdohcc"
settings = { folder = "clinic", quiet_seconds = 0 }
"""
Resource = dict[str, Any]


class Records:
    """Two sources tell of patients; who is one client with whom?"""

    def __init__(self, site: TestSite) -> None:
        self.site, self._numbers = site, count(1)

    def tell(self, *resources: Resource, source: str = "hospital") -> None:
        number = next(self._numbers)
        stamped = [{**each, "meta": {"versionId": str(number)}} for each in resources]
        self.site.drop(source, f"{number}.json", bundle(*stamped))
        assert self.site.messages(state="held") == []

    def client(self, person: str, source: str = "hospital") -> str:
        with self.site.bridge.site.store.read() as c:
            found = links.client_of(c, PersonKey(source, f"Patient/{person}"))
        assert found
        return found

    def together(self, *persons: str) -> bool:
        return len({self.client(person) for person in persons}) == 1

    def apart(self, *persons: str) -> bool:
        return len({self.client(person) for person in persons}) == len(persons)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    site = TestSite(tmp_path, more=CLINIC)
    (site.folder / "clinic").mkdir(exist_ok=True)
    yield Records(site)
    site.bridge.close()


def person(id_: str, *said: tuple[str, str], medicaid: str = "") -> Resource:
    """A patient with a record number of its own, who is said to be others: ``("replaced-by", "p2")``."""
    known = [{"system": MRN, "value": f"10-{id_}", "type": {"coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}}]  # fmt: skip
    known += [{"system": MEDICAID, "value": medicaid}] if medicaid else []
    link = [{"other": {"reference": f"Patient/{other}"}, "type": kind} for kind, other in said]
    return patient(id_, ssn=None, identifier=known, **({"link": link} if link else {}))


OLD, NEW = person("old", ("replaced-by", "new")), person("new", ("replaces", "old"))
STATEMENTS = pytest.mark.parametrize(
    ("old", "new"), [(OLD, NEW), (OLD, person("new")), (person("old"), NEW)], ids=["both", "old", "new"]
)


@STATEMENTS
@pytest.mark.parametrize("at_once", [True, False], ids=["together", "one by one"])
def test_merged_and_parted_again(records: Records, old: Resource, new: Resource, at_once: bool) -> None:
    records.tell(person("old"), person("new"))
    assert records.apart("old", "new")
    survivor = records.client("new")
    for told in [[old, new]] if at_once else [[old], [new]]:
        records.tell(*told)
    assert records.client("old") == records.client("new") == survivor
    for told in [[person("old"), person("new")]] if at_once else [[person("new")], [person("old")]]:
        records.tell(*told)
    assert records.apart("old", "new")
    assert records.client("new") == survivor


@STATEMENTS
def test_the_other_record_may_come_later(records: Records, old: Resource, new: Resource) -> None:
    records.tell(old)
    records.tell(new)
    assert records.together("old", "new")
    records.tell(person("old"), person("new"))
    assert records.apart("old", "new")


def test_the_old_records_referrals_are_the_clients_and_go_back_with_it(records: Records) -> None:
    records.tell(person("old"), order(person="old"), task(person="old"))
    records.tell(OLD, NEW)
    assert records.site.referral().client == records.client("new")
    records.tell(person("old"), person("new"))
    assert records.site.referral().client == records.client("old") != records.client("new")


def test_who_was_linked_to_the_old_record_moves_along_and_back(records: Records) -> None:
    records.tell(person("old", medicaid="K77123"), person("new"))
    records.tell(patient("x", ssn=None, identifier=[{"system": MEDICAID, "value": "K77123"}]), source="clinic")
    assert records.client("x", "clinic") == records.client("old")
    records.tell(person("old", ("replaced-by", "new"), medicaid="K77123"), NEW)
    assert records.client("x", "clinic") == records.client("old") == records.client("new")
    records.tell(person("old", medicaid="K77123"), person("new"))
    assert records.client("x", "clinic") == records.client("old") != records.client("new")


def test_another_source_that_knows_one_of_the_numbers_means_this_client(records: Records) -> None:
    records.tell(OLD, NEW)
    for id_ in ("old", "new"):
        records.tell({**person(id_), "id": f"c-{id_}"}, source="clinic")
        assert records.client(f"c-{id_}", "clinic") == records.client("new")
    records.tell({**person("third"), "id": "c-third"}, source="clinic")
    assert records.client("c-third", "clinic") != records.client("new")


def test_three_in_a_row_and_one_step_taken_back(records: Records) -> None:
    first, second = person("a", ("replaced-by", "b")), person("b", ("replaced-by", "c"), ("replaces", "a"))
    records.tell(first, second, person("c", ("replaces", "b")))
    assert records.together("a", "b", "c")
    records.tell(first, person("b", ("replaces", "a")), person("c"))
    assert records.together("a", "b")
    assert records.apart("b", "c")


def test_the_same_again_changes_nothing(records: Records) -> None:
    records.tell(OLD, NEW)
    before = _books(records)
    for _ in range(3):
        records.tell(OLD, NEW)
    assert _books(records) == before


@pytest.mark.parametrize("kind", ["seealso", "refer"])
def test_a_hint_merges_nobody(records: Records, kind: str) -> None:
    records.tell(person("old", (kind, "new")), person("new", (kind, "old")))
    assert records.apart("old", "new")


def _books(records: Records) -> list[tuple[str, str]]:
    with records.site.bridge.site.store.read() as c:
        found = [(p.external_id, client) for client in {records.client("old"), records.client("new")}
                 for p in links.persons_of(c, client)]  # fmt: skip
        assert links.under_review(c) == []
    return sorted(found)
