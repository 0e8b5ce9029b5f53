"""The page docs/adapters/write-an-adapter.md is followed to the letter, as a newcomer would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from casebridge.cli import main
from casebridge.plugins import describe, load_plugins


@pytest.fixture
def site(root: Path, tmp_path: Path) -> Path:
    """A folder with every file of the page whose first line is its name."""
    page = (root / "docs/adapters/write-an-adapter.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"```\w+\n# (\S+\.(?:py|yaml|toml))\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "inbox").mkdir()
    return tmp_path


@pytest.fixture
def casebridge(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The command, run in the site's folder: exit code, and what it said as one line."""
    monkeypatch.chdir(site)

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["casebridge", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), " ".join((said.out + said.err).split())

    return command


def test_the_page_names_every_file(site):
    files = {str(p.relative_to(site)) for p in site.rglob("*") if p.is_file()}
    assert files == {"plugins/pantry.py", "mappings/pantry/person.yaml", "test_pantry.py", "casebridge.toml"}


def test_the_plugin_is_listed_with_its_settings(site):
    (shown,) = describe(load_plugins(site / "plugins"), "pantry")
    assert (shown["problem"], shown["version"]) == ("", "0.1")
    assert [f["name"] for f in shown["formats"]] == ["pantry-register"]
    assert [s["name"] for s in shown["links"][0]["settings"]] == ["folder"]


def test_the_pages_own_test_passes(site):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pantry.py"]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=site, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_check_finds_nothing_to_mend(casebridge):
    code, said = casebridge("check")
    assert code == 0, said


def test_check_says_what_is_wrong_with_the_plugin(site, casebridge):
    plugin = site / "plugins/pantry.py"
    plugin.write_text(plugin.read_text().replace("def register_formats", "def register_format"), encoding="utf-8")
    code, said = casebridge("check")
    assert code != 0
    assert "did you mean register_formats?" in said


def test_monday_morning(root, site, casebridge):
    page = (root / "docs/adapters/write-an-adapter.md").read_text(encoding="utf-8")
    (register,) = re.findall(r"typed by a person:\n\n```text\n(.*?)```", page, re.DOTALL)
    (site / "inbox/monday.txt").write_text(register, encoding="utf-8")
    assert casebridge("run")[0] == 0
    assert (site / "inbox/taken/monday.txt").read_text(encoding="utf-8") == register
    _, said = casebridge("held", "list", "--json")
    held = json.loads(said)
    assert [(h["code"], h["who must act"]) for h in held] == [("CB-302", "partner"), ("CB-306", "partner")]
    assert "row 4" in held[0]["why"]
    assert "row 5" in held[1]["why"]
    assert "found 99 Aaa" in held[1]["why"]
    assert [name for name in ("Nemo", "Zoe", "20 Feb") if name in said] == []
