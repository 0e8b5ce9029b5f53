"""The guide to signing in: its examples are taken as they stand, and its tables are the program's own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.smart_scopes import RIGHTS, needs

from casebridge.core.errors import error_codes

GUIDE = (Path(__file__).resolve().parents[3] / "docs/guides/signing-in.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in GUIDE.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_settings(example: str) -> None:
    RestSettings(**tomllib.loads(example)["partner"]["mercy"]["settings"])


def test_there_are_examples_of_each_way() -> None:
    found = [RestSettings(**tomllib.loads(e)["partner"]["mercy"]["settings"]) for e in EXAMPLES]
    ways = [(one.auth, bool(one.client_cert_file)) for one in found]
    assert ways == [("smart", False), ("basic", False), ("none", True)]


def test_the_scopes_of_the_guide_are_those_we_ask_for() -> None:
    names = {need.resource for need in needs()}
    told = {name: row[1] for row in ROWS for name in row[0].split(", ") if name in names}
    assert told == {one.resource: ", ".join(w for right, w in RIGHTS.items() if right in one.rights) for one in needs()}
    without = {name: row[2] for row in ROWS for name in row[0].split(", ") if name in names}
    assert {name for name, said in without.items() if said == "no referral is served"} == {
        need.resource for need in needs() if need.needed
    }  # fmt: skip


def test_every_code_of_the_guide_is_one() -> None:
    codes = set(re.findall(r"CB-\d{3}", GUIDE))
    assert codes <= error_codes().keys()
    assert {"CB-110", "CB-111", "CB-112", "CB-113", "CB-114"} <= codes
