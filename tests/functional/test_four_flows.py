"""SDOHCC 3.0.0, Referral Workflow: direct, direct light, indirect, indirect light. Each from *requested* to *completed*
and back, against two servers that share no code, and between two CaseBridges."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import four_flows
import pytest
from databases import NewStore
from four_flows import Flow, Stage

from casebridge.store import ledger, referrals

SERVERS = [("medplum", "sekmet"), ("sekmet", "medplum")]  # the hospital's, and the agency's where it has one, too
AGAINST = [four_flows.direct, four_flows.direct_light, four_flows.indirect, four_flows.indirect_light]
BETWEEN = [four_flows.direct_between, four_flows.direct_light_between,
           *(pytest.param(play, marks=pytest.mark.long)
             for play in (four_flows.indirect_between, four_flows.indirect_light_between))]  # fmt: skip


QUICK = four_flows.indirect, SERVERS[0]


def work(flow: Flow) -> None:
    """Every bridge asks and does what is due, until what one did has reached the other and come back."""
    for _ in range(2):
        for bridge in (*flow.bridges, *reversed(flow.bridges)):
            bridge.lanes.drain()


def closes_the_loop(on: Stage, flow: Flow) -> None:
    flow.sender.refer(on.referral())
    work(flow)
    told = flow.answerer.told()
    assert "Moreno" in told
    assert "1987" not in told, "a pantry needs no birth date"
    assert "8996" not in told, "nor a social security number"

    flow.answerer.accept()
    work(flow)
    assert flow.sender.task()["status"] == "accepted"

    flow.answerer.complete()
    work(flow)
    assert flow.sender.task()["status"] == "completed"
    assert flow.sender.result()["resourceType"] == "Procedure"
    for bridge in flow.bridges:
        with bridge.site.store.read() as c:
            assert [(m.kind, m.code, m.reason) for m in ledger.listed(c, state="held")] == []
            assert [r.status for r in referrals.listed(c, children=True)] == ["completed"]


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """The ends of the ids of one test: servers keep what others put there."""
    return "-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:6]


@pytest.mark.parametrize("play", BETWEEN, ids=lambda play: play.__name__)
def test_between_two_casebridges(
    tmp_path: Path, some_store: NewStore, tag: str, play: Callable[[Stage], Flow]
) -> None:
    with ExitStack() as stack:
        on = Stage(tmp_path, stack, some_store, tag)
        closes_the_loop(on, play(on))


@pytest.mark.parametrize(("play", "servers"), [
    pytest.param(play, servers, marks=() if (play, servers) == QUICK else pytest.mark.long,
                 id=f"{play.__name__}, hospital on {servers[0]}")
    for play in AGAINST for servers in SERVERS])  # fmt: skip
def test_against_a_server(
    tmp_path: Path, some_store: NewStore, tag: str, play: Callable[[Stage], Flow], servers: tuple[str, str],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    with ExitStack() as stack:
        on = Stage(tmp_path, stack, some_store, tag, *(request.getfixturevalue(name) for name in servers))
        closes_the_loop(on, play(on))
