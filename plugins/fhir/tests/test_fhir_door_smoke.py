"""Somebody else's conformance test against our FHIR door: the smoke scenario of sekmet-fhir, all of its steps."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doors import SETTINGS, TOKEN, doors_of
from sites import TestSite

SEKMET = Path(sys.executable).with_name("sekmet")


@pytest.mark.skipif(not SEKMET.exists(), reason="sekmet-fhir is not installed (the demo extra)")
def test_a_fully_entitled_partner_finds_a_conforming_server(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    site = TestSite(tmp_path, hospital_carrier="fhir", hospital_settings=SETTINGS)
    with doors_of(site.bridge) as url:
        (tmp_path / "sekmet.json").write_text(json.dumps({
            "data_dir": "data", "simulator": {"enabled": False},
            "peers": {"bridge": {"base_url": f"{url}/fhir", "auth": {"type": "bearer", "token": TOKEN}}}}))  # fmt: skip
        asked = ["scenario", "run", "conformance_smoke", "--peer", "bridge", "-c", "sekmet.json", "--no-serve"]
        done = subprocess.run([SEKMET, *asked], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    site.bridge.close()
    assert done.returncode == 0, done.stdout
    assert re.findall(r"^ +([A-Z]+) +\d+\.", done.stdout, re.M) == ["PASSED"] * 18, done.stdout
