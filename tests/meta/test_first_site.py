"""docs/start/first-site.md, run as a newcomer runs it; a newcomer waits until a file has lain still for a while."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from programs import as_command

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "docs" / "start" / "first-site.md"
WAITED = """
sleep() { find /tmp/mysite/*/in -type f -exec touch -d "$1 seconds ago" {} +; }
"""  # nobody writes meanwhile: it is as if the time had passed


@pytest.mark.timeout(300)
def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 5
    assert "\n".join(blocks).count("sleep 6\n") == 3
    script = f"set -e\n{WAITED}" + "\n".join(blocks)
    script = script.replace("/tmp/mysite", str(tmp_path / "mysite"))
    with_command = as_command(tmp_path)
    done = subprocess.run(["sh", "-c", script], cwd=TOP, capture_output=True, text=True, timeout=280, **with_command)
    assert done.returncode == 0, done.stderr
    assert "Moreno" in done.stdout
    assert '"status":"accepted"' in done.stdout.replace(" ", "")
    assert "1987-02-20" not in done.stdout
    assert "CB-303" in done.stdout
