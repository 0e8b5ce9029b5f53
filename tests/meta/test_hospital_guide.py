"""docs/guides/hospital.md, run as a hospital's IT desk runs it: a loop that closes on one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from doors import free_port
from programs import as_command

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "docs" / "guides" / "hospital.md"
PORTS = '[web]\npartners = "127.0.0.1:{}"\nconsole = "127.0.0.1:{}"\n\n[partner.mercy]'


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="the page uses curl")
@pytest.mark.timeout(300)
def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 5
    doors, console = free_port(), free_port()
    script = "set -em\n" + "\n".join(blocks)
    script = script.replace("/tmp/loop", str(tmp_path / "loop")).replace(":8420", f":{doors}")
    script = script.replace("[partner.mercy]", PORTS.format(doors, console))
    with_command = as_command(tmp_path)
    done = subprocess.run(["bash", "-c", script], cwd=TOP, capture_output=True, text=True, timeout=280, **with_command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("201 Created") == 3
    assert "The agency sees Task, ServiceRequest, Patient" in done.stdout
    assert "1987" not in (tmp_path / "loop" / "there.json").read_text()
    last = done.stdout[done.stdout.rindex('"searchset"') :]
    assert '"total":1' in last
    assert '"status":"accepted"' in last
