"""What is under version control: no machine's paths, no registry's addresses, no keys, well-formed change notes."""

from __future__ import annotations

import re

import pytest
import yaml

# Spelt so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w./-])/(?:work|home|Users|root)" + r"/[\w.]",
    "a package registry's address": r"(?:pypi\.|pythonhosted\.|npmjs\.|crates\.|debian\.)" + r"(?:org|com|io)/",
    "an index or a proxy to install from": r"(?:--(?:extra-)?index-url|--trusted-host|--find-links)" + r"[ =]",
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE" + r" KEY-----",
}
KINDS = {"added", "changed", "fixed", "removed", "security"}


def text(path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


@pytest.mark.parametrize(("what", "pattern"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_no_tracked_file_holds(tracked, root, what, pattern):
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in tracked
        for number, line in enumerate(text(path).splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert found == [], what


def test_constraints_are_pins_and_nothing_else(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []
    assert len({line.split("==")[0].lower() for line in lines}) == len(lines)


def test_a_change_note_is_named_and_written_for_its_reader(root):
    """``changes/<issue>-<words>.<kind>.md``: one to three sentences as a user sees it (changes/README.md)."""
    notes = [path for path in (root / "changes").iterdir() if path.name != "README.md"]
    assert notes
    for note in notes:
        name = re.fullmatch(r"\d+-[a-z0-9-]+\.([a-z]+)\.md", note.name)
        assert name, f"{note.name}: expected <issue>-<words>.<kind>.md"
        assert name[1] in KINDS, note.name
        words = note.read_text(encoding="utf-8")
        assert words.strip().endswith((".", "`")), note.name
        assert 5 <= len(words.split()) <= 80, note.name


def test_the_compose_file_gives_a_gateway_and_a_database_on_loopback_only(root):
    compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"gateway", "worker", "db"}
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert "db" in services["gateway"]["depends_on"]
    assert services["db"]["volumes"], "the database would be lost with its container"


def test_the_compose_file_holds_no_password(root):
    compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
    assert "POSTGRES_PASSWORD" not in compose["services"]["db"]["environment"]
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())


def test_the_readme_names_the_two_commands(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme


def test_every_make_target_a_reader_needs_is_explained(root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    assert {"install", "demo", "test", "lint", "bench", "docs", "help"} <= explained
