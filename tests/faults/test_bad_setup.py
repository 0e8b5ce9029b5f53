"""A set-up that is wrong: the command says what, where and how to mend it, and its exit code says who must."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from commands import Command, command_line
from programs import ran

from casebridge.app import alone, open_bridge
from casebridge.core.errors import MapError

SITE = """
[site]
name = "Test Site"

[web]
partners = "127.0.0.1:{port}"
console = "127.0.0.1:0"

[partner.pantry]
role = "cbo"
carrier = "folder"
format = "flatfile"
maps = "mine"
settings = {{ folder = "pantry" }}
format_settings = {{ layout = "agency-clients" }}
"""
MAP = """\
map: mine/client
version: 1
case: person
other: flatfile/client
fields:
  external_id: client_id
  names(use=official).given: [first_name]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site in order."""
    (tmp_path / "pantry").mkdir()
    (tmp_path / "mappings" / "mine").mkdir(parents=True)
    (tmp_path / "mappings" / "mine" / "client.yaml").write_text(MAP)
    (tmp_path / "casebridge.toml").write_text(SITE.format(port=0))
    return tmp_path


@pytest.fixture
def casebridge(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line(monkeypatch, capsys, folder)


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_site_in_order_is_in_order(casebridge: Command) -> None:
    code, said = casebridge("check")
    assert code == 0
    assert "1 partner, no route: in order" in said
    assert "database: reached, can be written" in said
    assert re.findall(r"\[(CB-\d+)\]", said) == ["CB-146", "CB-147"]  # the keys of the ledger and the store


WRONG = [
    # in casebridge.toml, becomes; exit code, error code, what is said
    ('name = "Test Site"', 'name = Test', 3, "CB-101", ["casebridge.toml is not TOML", "line 3"]),
    ('role = "cbo"', 'role = "cob"\nmood = "good"', 3, "CB-101",
     ["partner.pantry.role", "'cbo'", "partner.pantry.mood: there is no such entry"]),
    ('name = "Test Site"', 'timezone = "Amerika/New_York"', 3, "CB-101",
     ["site.name: is required", "site.timezone", "America/New_York"]),
    ("[partner.pantry]", f"[partner.{'p' * 61}]", 3, "CB-101", ["at most 60 characters"]),
    ('folder = "pantry"', 'folde = "pantry", quiet_seconds = -1', 3, "CB-101",
     ["partner.pantry.settings.folder: is required", "partner.pantry.settings.folde: there is no such entry",
      "partner.pantry.settings.quiet_seconds"]),
    ('carrier = "folder"', 'carrier = "foldr"', 3, "CB-103", ["foldr", "did you mean folder?"]),
    ('format = "flatfile"', 'format = "flat-file"', 3, "CB-103", ["flat-file", "did you mean flatfile?"]),
    ('maps = "mine"', 'maps = "yours"', 4, "CB-208", ["`yours`"]),
    ('folder = "pantry"', 'folder = "env:NO_SUCH_NAME"', 3, "CB-104",
     ["partner.pantry.settings.folder", "NO_SUCH_NAME is not set"]),
    ('folder = "pantry"', 'folder = "file:no-such-file"', 3, "CB-104",
     ["partner.pantry.settings.folder", "no-such-file", "cannot be read"]),
    ('folder = "pantry"', 'folder = "file:/dev/null"', 3, "CB-104", ["partner.pantry.settings.folder", "is empty"]),
    ('layout = "agency-clients"', 'layout = "agency-cleints"', 3, "CB-380", ["agency-cleints"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "exit_code", "code", "says"), WRONG, ids=[w[1][:30] for w in WRONG])
def test_a_wrong_entry_is_named_with_its_remedy_all_of_them_at_once(
    casebridge: Command, folder: Path, old: str, new: str, exit_code: int, code: str, says: list[str]
) -> None:
    spoil(folder / "casebridge.toml", old, new)
    ended, said = casebridge("check")
    assert (ended, f"[{code}]" in said) == (exit_code, True), said
    for text in says:
        assert text in said


def test_a_route_to_nobody_is_named(casebridge: Command, folder: Path) -> None:
    with (folder / "casebridge.toml").open("a") as file:
        file.write('\n[[route]]\nwhen = { kind = "referral" }\nto = "pantri"\n')
    ended, said = casebridge("check")
    assert (ended, "route 1" in said, "pantri" in said) == (3, True, True)


TYPOS = [
    # in the map, becomes; the position, the code, the suggestion
    ("names(use=official)", "nmaes(use=official)", "client.yaml:7:3", "CB-202", "names"),
    ("fields:", "feilds:", "client.yaml:5:1", "CB-203", "fields"),
    ("case: person", "case: persn", "client.yaml:3:", "CB-202", "person"),
    ("external_id: client_id", "external_id: client_id\n  external_id: client_id", "client.yaml:7:3", "CB-204", ""),
    ("[first_name]", "[first_name", "client.yaml:", "CB-201", ""),
    ("[first_name]", "{at: first_name, codes: {file: codes/none.csv, otherwise: keep}}", "client.yaml:7:", "CB-20", ""),
    ("[first_name]", "{at: first_name, as: date-sus}", "client.yaml:7:", "CB-20", "date-us"),
]


@pytest.mark.parametrize(("old", "new", "where", "code", "near"), TYPOS, ids=[t[1][:30] for t in TYPOS])
def test_a_typo_in_a_map_is_named_by_line_and_column_with_what_was_meant(
    casebridge: Command, folder: Path, old: str, new: str, where: str, code: str, near: str
) -> None:
    spoil(folder / "mappings" / "mine" / "client.yaml", old, new)
    ended, said = casebridge("check")
    assert ended == 4, said
    assert where in said
    assert f"[{code}" in said
    assert near in said.partition(where)[2].replace(new, "")
    with pytest.raises(MapError) as refused:
        open_bridge(folder / "casebridge.toml")
    assert refused.value.line > 0


def test_a_taken_port_is_named(casebridge: Command, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folder / "casebridge.toml").write_text(SITE.format(port=port))
        ended, said = casebridge("serve")
    assert (ended, f"127.0.0.1:{port}" in said, "[CB-108]" in said) == (3, True, True)


def test_a_second_gateway_on_the_same_store_is_refused(folder: Path) -> None:
    bridge = open_bridge(folder / "casebridge.toml")
    with alone(bridge):
        for command in ("serve", "run"):
            code, _, err = ran(command, "-c", folder / "casebridge.toml")
            assert (code, "CB-105" in err) == (3, True)
    bridge.close()


def test_a_command_without_a_site_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, said = command_line(monkeypatch, capsys, tmp_path)("check")
    assert (ended, "casebridge init" in said) == (3, True)
