"""A load that is killed in the middle: what is safe is not fetched again, and nothing is kept twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from exporting import exports, lies, patient, times_asked
from told_server import told_server

from casebridge.app import open_bridge
from casebridge.engine import loading, views

CONFIG = """
[site]
name = "County"
timezone = "America/New_York"
[partner.mercy]
role = "covered_entity"
environment = "test"
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ base_url = "{base}", pause = 0 }}
"""
PROGRAM = Path(sys.executable).with_name("casebridge")


@pytest.mark.long
def test_killed_in_the_middle_it_goes_on_and_nothing_is_fetched_or_kept_twice(tmp_path: Path) -> None:
    number, stuck = 3 * loading.TOGETHER, 2 * loading.TOGETHER + 20
    with told_server() as told:
        (tmp_path / "casebridge.toml").write_text(CONFIG.format(base=told.base))
        exports(told, *(lies(told, f"f{n}", patient(f"p{n}")) for n in range(number)))
        told.halts[f"f{stuck}"] = threading.Event()
        with subprocess.Popen([PROGRAM, "load", "mercy"], cwd=tmp_path, stderr=subprocess.DEVNULL) as first:
            until = time.monotonic() + 60
            while times_asked(told, f"f{stuck}") == 0 and time.monotonic() < until:
                time.sleep(0.02)
            os.kill(first.pid, signal.SIGKILL)
        told.halts.pop(f"f{stuck}").set()
        assert times_asked(told, f"f{stuck}") == 1
        ended = subprocess.run([PROGRAM, "load", "mercy"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr
        asked = [times_asked(told, f"f{n}") for n in range(number)]
        assert asked[: 2 * loading.TOGETHER] == [1] * 2 * loading.TOGETHER
        assert set(asked) <= {1, 2}
        assert times_asked(told, "Patient/$export") == 1
    bridge = open_bridge(tmp_path / "casebridge.toml")
    files = views.file_rows(bridge.site, limit=2 * number)
    bridge.close()
    assert (len(files), {row.applied for row in files}) == (number, {1})
