"""A site whose store is closed with a key: the referral crosses as ever, and nothing of the client lies open."""

from __future__ import annotations

from pathlib import Path

import pytest
from sites import TestSite, food_referral, patient
from sqlalchemy import LargeBinary, select

from casebridge.core.subscriptions import Subscription, Watch
from casebridge.engine import sealing
from casebridge.store import ledger, shelves, subscriptions
from casebridge.store.box import MAGIC
from casebridge.store.sealed import Sealed, new_line
from casebridge.store.tables import identifier, metadata

SECRETS = ("Moreno", "Ada", "555-0142", "1987-02-20", "899611001")


@pytest.fixture
def site(tmp_path: Path, store_url: str):
    (tmp_path / "keys").write_text(new_line())
    made = TestSite(tmp_path, store=f'{store_url}"\nkeys = "file:keys')
    yield made
    made.bridge.close()


def everything(site: TestSite) -> dict[str, str]:
    """All that lies in the store, by table and column."""
    with site.bridge.site.store.read() as c:
        return {f"{t.name}.{col.name}": repr([v for (v,) in c.execute(select(col))])
                for t in metadata.sorted_tables if t.name != "map" for col in t.columns}  # fmt: skip


def test_a_referral_crosses_and_comes_back(site: TestSite) -> None:
    assert isinstance(site.bridge.site.store.box, Sealed)
    site.drop("hospital", "in.json", food_referral())
    site.answer(site.referral().id, "accept")
    assert [r.status for r in site.referrals()] == ["accepted"]
    assert site.held() == []


def test_nothing_of_the_client_lies_open(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    site.answer(site.referral().id, "accept")
    shown = {where: word for where, text in everything(site).items() for word in SECRETS if word in text}
    assert shown == {}


def test_every_column_of_bytes_is_closed_but_the_seals(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    with site.bridge.site.store.write() as c:
        ledger.add(c, "2026", direction="in", partner="p", kind="k", stop="apply", state="held", document={"a": "Ada"})
        shelves.put(c, "2026", "p", "Patient", "1", {"a": "Ada"}, [("name", "ada")])
        subscriptions.put(c, "p", Subscription("1", Watch("Task"), {"endpoint": "Ada"}), "2026")
    sealing.seal(site.bridge.site)
    opened = []
    with site.bridge.site.store.read() as c:
        for column in (col for t in metadata.sorted_tables for col in t.columns if isinstance(col.type, LargeBinary)):
            values = [v for v in c.execute(select(column)).scalars() if v is not None]
            assert values, f"the test does not reach {column}"
            opened += [str(column)] * (not all(v.startswith(MAGIC) for v in values))
    assert opened == ["seal.tags"]


def test_a_person_of_two_partners_is_still_found_by_a_shared_number(site: TestSite) -> None:
    site.drop("hospital", "in.json", food_referral())
    site.drop("hospital", "twin.json", {**food_referral(), "entry": [{"resource": patient("p2")}]})
    with site.bridge.site.store.read() as c:
        values = list(c.execute(select(identifier.c.value)).scalars())
    assert len(values) == 2
    assert len(set(values)) == 1
