"""An export with hashed names, read without them: no row of ours tells the HMIS that a client has no name."""

from __future__ import annotations

from pathlib import Path

import pytest
import sites
from exports import export, required
from sites import TestSite, bundle, order, patient, task


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sites, "CONFIG", sites.CONFIG.replace('coc = "XX-501"', 'coc = "XX-501", hashed = "blank"'))
    made = TestSite(tmp_path)
    yield made
    made.bridge.close()


def hashed(found) -> None:
    required(found)
    found["Export"][0].update(HashStatus="3", ExportID="EX-2")
    for client in found["Client"]:
        client.update(FirstName="a" * 40, LastName="b" * 40, SSN="0001" + "c" * 64)


def test_a_referral_waits_until_the_names_are_known_again(site):
    site.drop("hmis", "first.zip", export(required))
    site.drop("hospital", "p.json", bundle(patient()))
    site.drop("hmis", "hashed.zip", export(hashed))
    site.drop("hospital", "t.json", bundle(task(), order("homelessness", "emergency-shelter"), patient()))
    (held,) = site.held()
    assert (held.partner, held.code) == ("hmis", "CB-342")
    assert "b" * 40 not in str(held)
    assert list((site.folder / "hmis").rglob("casebridge-*.zip")) == []

    def unhashed(found) -> None:
        required(found)
        found["Export"][0]["ExportID"] = "EX-3"

    site.drop("hmis", "third.zip", export(unhashed))
    site.replay(held.id)
    assert site.held() == []
    assert len(list((site.folder / "hmis").rglob("casebridge-*.zip"))) == 1
