"""An export at a server that wants a token for everything, the files as well: sekmet-fhir with SMART."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from casebridge_fhir.link import FhirRest
from exporting import patient
from smart_hospital import EVERYTHING, SEKMET, Between, key_set, smart_sekmet

from casebridge import Context, Headway, Payload, Population

pytestmark = [
    pytest.mark.long, pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)"),
]  # fmt: skip


def test_the_token_goes_along_to_the_files_where_they_need_it(tmp_path: Path) -> None:
    client = {"client_id": "us", "scopes": EVERYTHING, "jwks": key_set(tmp_path, "mercy").published()}
    (tmp_path / "sekmet").mkdir()
    with smart_sekmet(tmp_path / "sekmet", [client]) as base:
        settings = FhirRest.Settings(base_url=base, client_id="us", scopes=EVERYTHING, pause=0)
        link = FhirRest(settings, Context("mercy", "test", base_dir=str(tmp_path)), Between())
        for name in ("ada", "ben"):
            link._server.put(f"Patient/{name}", httpx2.Request("PUT", base, json=patient(name)).content, "")
        found, held = [], []
        for one in link.load(Population(types=("fhir-r4/Patient",)), ""):
            found.append(one)
            held += [one.stream.read()] if isinstance(one, Payload) else []
        link.close()
    assert [text.count(b"\n") for text in held] == [2]
    assert isinstance(found[-1], Headway)
    assert found[-1].cursor == ""
