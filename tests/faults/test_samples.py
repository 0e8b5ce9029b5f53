"""Every sample of the SDOHCC guide and every 834: in = applied + held + not for us; the valid ones all go in."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from books import accounts
from sites import TestSite

SAMPLES = Path(os.environ.get("CASEBRIDGE_SAMPLES", Path(__file__).resolve().parents[2] / "../shared/samples"))
INVALID_834 = {  # what is held of it: a whole file (payload) or members; and why it is not a valid 834 of the guide
    "apimeister__834_test.rs_4.edi": ("payload", "CB-310", "the padding of its ISA is lost"),
    "hccinfhir__sample_834_01.txt": ("payload", "CB-313", "SE01 says 68 segments, there are 67"),
    "hccinfhir__sample_834_02.txt": ("unreadable", "CB-301", "birth dates made unreadable"),
    "hccinfhir__sample_834_03.txt": ("unreadable", "CB-301", "birth dates made unreadable"),
    "stupidedi__enroll-individuals-in-qualified-health-plan-through-health-insurance-exchange.edi": (
        "payload", "CB-311", "of the guide 005010X307"),
    "stupidedi__shop-enrollment-in-qualified-health-plan-through-health-insurance-exchange.edi": (
        "payload", "CB-311", "of the guide 005010X307"),
}  # fmt: skip
ALL_834 = sorted(p for p in SAMPLES.glob("x12/*") if p.is_file() and re.search(rb"ST[*|]834[*|]", p.read_bytes()))
EXAMPLES = sorted(SAMPLES.glob("fhir/examples/*.json"))
needs_834 = pytest.mark.skipif(not ALL_834, reason="no 834 samples (CASEBRIDGE_SAMPLES)")
needs_fhir = pytest.mark.skipif(not EXAMPLES, reason="no SDOHCC examples (CASEBRIDGE_SAMPLES)")


def environment(raw: bytes) -> str:
    return "test" if re.split(rb"[*|]", raw)[15] == b"T" else "prod"


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestSite]:
    """A site with a payer for each file, in the environment the file is for; whole lists, not only the roster."""
    partners = "".join(
        f'[partner.s{n}]\nrole = "payer"\ncarrier = "folder"\nformat = "x12"\nmaps = "x12"\n'
        f'environment = "{environment(path.read_bytes())}"\nsettings = {{ folder = "s{n}", quiet_seconds = 0 }}\n\n'
        for n, path in enumerate(ALL_834)
    )
    folder = tmp_path_factory.mktemp("states")
    for n, path in enumerate(ALL_834):
        (folder / f"s{n}" / "in").mkdir(parents=True)
        (folder / f"s{n}" / "in" / path.name).write_bytes(path.read_bytes())
    made = TestSite(folder, more="\n" + partners)
    made.work()
    yield made
    made.bridge.close()


@needs_834
def test_every_834_is_accounted_for_and_nothing_of_a_valid_one_is_held(states: TestSite) -> None:
    assert len(ALL_834) >= 30
    for n, path in enumerate(ALL_834):
        found = accounts(states, f"s{n}")
        held = [m for m in states.held() if m.partner == f"s{n}"]
        if path.name not in INVALID_834:
            assert held == [], f"{path.name}: {held[0].reason if held else ''}"
            assert found == {"in": len(re.findall(rb"[~\n]\s*INS[*|]", path.read_bytes())), "done": found["in"]}
            assert found["in"] > 0
        else:
            kind, code, _ = INVALID_834[path.name]
            assert {(m.kind, m.code) for m in held} == {(kind, code)}, path.name


def referred(resource: Any) -> Iterator[str]:
    """Every reference in a resource."""
    if isinstance(resource, dict):
        if isinstance(resource.get("reference"), str):
            yield resource["reference"]
        for value in resource.values():
            yield from referred(value)
    elif isinstance(resource, list):
        for value in resource:
            yield from referred(value)


def payload_of(resource: dict[str, Any], known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A Task with all it refers to, at any distance; anything else alone."""
    if resource["resourceType"] != "Task":
        return resource
    around: dict[str, dict[str, Any]] = {}
    waiting = list(referred(resource))
    while waiting:
        name = waiting.pop()
        if name in known and name not in around:
            around[name] = known[name]
            waiting += referred(known[name])
    around.pop(f"Task/{resource['id']}", None)
    return {"resourceType": "Bundle", "type": "collection",
            "entry": [{"resource": r} for r in (resource, *around.values())]}  # fmt: skip


@needs_fhir
def test_every_example_of_the_guide_is_accounted_for_and_none_is_held(tmp_path: Path) -> None:
    resources = [json.loads(path.read_text()) for path in EXAMPLES]
    known = {f"{r['resourceType']}/{r['id']}": r for r in resources}
    assert len(known) == 67
    (tmp_path / "hospital" / "in").mkdir(parents=True)
    expected = 0
    for number, resource in enumerate(resources):
        payload = payload_of(resource, known)
        expected += len(payload.get("entry", [resource]))
        (tmp_path / "hospital" / "in" / f"{number:02}.json").write_text(json.dumps(payload))
    site = TestSite(tmp_path)
    site.work()
    found = accounts(site, "hospital")
    held = {f"{m.kind} {m.external_id}: {m.reason}" for m in site.messages(direction="in", state="held")}
    assert held == set()
    assert found["in"] == expected
    assert found == {"in": expected, "done": expected}
    taken = Counter(m.kind for m in site.messages(direction="in", state="done") if m.kind != "payload")
    assert {"fhir-r4/Task", "fhir-r4/Patient", "fhir-r4/Condition", "fhir-r4/Consent"} <= set(taken)
    assert site.messages(direction="in", state="skipped") == []
    assert [m.external_id for m in site.messages(partner="hospital", state="waiting")] == []
    site.bridge.close()
