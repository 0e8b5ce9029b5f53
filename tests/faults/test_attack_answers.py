"""What a Part 2 program or a victim service says in its answer is its own record, not the hospital's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sites import TestSite, bundle, order, patient, task

PROGRAM = """
[partner.program]
role = "cbo"
{walled} = true
carrier = "folder"
format = "form"
maps = "web-form"
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]
settings = {{ folder = "program", quiet_seconds = 0 }}

[[route]]
when = {{ kind = "referral", domain = "employment-status" }}
to = "program"
"""


@pytest.mark.parametrize("walled", ["part2", "vsp"])
def test_only_the_state_of_a_walled_programs_answer_goes_back(
    make_site: Callable[..., TestSite], tmp_path: Path, walled: str
) -> None:
    (tmp_path / "site0" / "program").mkdir(parents=True)
    site = make_site(more=PROGRAM.format(walled=walled))
    site.drop("hospital", "1.json", bundle(task(), order(domain="employment-status"), patient()))
    said: dict[str, Any] = {"answer": "decline", "detail": "ineligible", "reason": "still on methadone"}
    site.drop("program", "a.json", {"referral": site.referral().id, "nonce": "0" * 32, **said})
    (answer,) = site.out("hospital")
    assert answer["status"] == "rejected"
    assert "methadone" not in str(answer)
    assert "ineligible" not in str(answer)
