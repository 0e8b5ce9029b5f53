"""docs/guides/hospital.md, run as a hospital's IT desk runs it: a loop that closes on one machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import maps_once
import pytest
from databases import copy_of_migrated
from doors import free_port
from programs import as_command

from casebridge.app import open_bridge

maps_once.install()
TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "guides" / "hospital.md").read_text(encoding="utf-8")
PORTS = '[web]\npartners = "127.0.0.1:{}"\nconsole = "127.0.0.1:{}"\n\n[partner.mercy]'


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="the page uses curl")
@pytest.mark.timeout(300)
def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    assert len(blocks) == 7
    loop, doors, console = tmp_path / "loop", free_port(), free_port()
    script = "set -em\n" + "\n".join(blocks)
    script = script.replace("/tmp/loop", str(loop)).replace(":8420", f":{doors}")
    script = script.replace("[partner.mercy]", PORTS.format(doors, console)).replace("sleep 1", "sleep 0.2")
    with_command = as_command(tmp_path)
    done = subprocess.run(["bash", "-c", script], cwd=TOP, capture_output=True, text=True, timeout=280, **with_command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"status":"201 Created"') == 3 + 1, "the referral, and the agency's Procedure"
    assert "The agency sees Task, ServiceRequest, Patient" in done.stdout
    there = (loop / "there.json").read_text()
    assert "Moreno" in there
    assert not any(known in there for known in ('"1987', '"4711"')), "neither date of birth nor record number"
    task, procedure = (found["entry"][0]["resource"] for found in bundles(done.stdout))
    assert (task["status"], procedure["status"]) == ("completed", "completed")
    assert task["output"][0]["valueReference"]["reference"] == f"Procedure/{procedure['id']}"
    assert procedure["code"]["coding"][0]["display"] == "Provision of food"


def bundles(printed: str) -> list[dict[str, Any]]:
    """The search results that were printed to be read by a person."""
    found, decoder = [], json.JSONDecoder()
    for start in re.finditer(r'^\{\n +"resourceType": "Bundle"', printed, re.M):
        found.append(decoder.raw_decode(printed[start.start() :])[0])
    return found


def test_the_site_for_the_real_hospital_is_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing leaves it: it is of the test environment, and in a dry run, at every partner."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    monkeypatch.setenv("MAIL_PASSWORD", "made-up-for-this-test")
    copy_of_migrated(tmp_path / "casebridge.db")
    (tmp_path / "casebridge.toml").write_text(f'[site]\nname = "x"\n\n{block}', encoding="utf-8")
    bridge = open_bridge(tmp_path / "casebridge.toml")
    found = {(p.environment, p.mode) for p in bridge.site.partners.values()}
    bridge.close()
    assert found == {("test", "dry-run")}
