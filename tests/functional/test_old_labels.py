"""A store written before labels were codings: its records read as they should, and nothing is written anew."""

from __future__ import annotations

from sites import TestSite, bundle, order, patient, task
from sqlalchemy import update

from casebridge.store import records
from casebridge.store.box import pack
from casebridge.store.tables import record

R = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}


def test_a_label_kept_as_its_code_alone_is_read_in_full_and_stays_the_same_label(site: TestSite) -> None:
    site.drop("hospital", "1.json", bundle(task(), order(), patient(meta={"versionId": "1", "security": [R]})))
    with site.bridge.site.store.write() as c:
        now = records.find(c, "hospital", "person", "Patient/p1")
        assert now is not None
        c.execute(update(record).where(record.c.id == now.id).values(document=pack({**now.document, "labels": ["R"]})))
    with site.bridge.site.store.write() as c:
        old = records.find(c, "hospital", "person", "Patient/p1")
        assert old is not None
        assert old.document["labels"] == [R]
        _, after = records.assert_record(
            c, "2026-11-22T00:00:00.000000Z", kind="person", source="hospital", external_id="Patient/p1",
            subject="Patient/p1", document=now.document, message="m", payload=None, map_digest="")  # fmt: skip
        assert (after.version, after.document) == (now.version, now.document)
