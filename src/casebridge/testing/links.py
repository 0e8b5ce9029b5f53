"""Does a link behave as the engine relies on, with a partner at the other end?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebridge.adapter import Conflict, Dispatch, Link, Outcome, Payload, Probe, Receipt
from casebridge.adapter_check import check_link as check_contract
from casebridge.core.errors import RecordError, SetupError, TryAgain
from casebridge.testing.fakes import a_context
from casebridge.testing.verdict import Verdict


def check_link(
    cls: type[Link],
    settings: Mapping[str, Any],
    *,
    dispatch: Dispatch | None = None,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Raise NotConforming unless the link keeps its contract with the partner that ``settings`` point to.

    It receives everything there and settles it twice (settle is idempotent: it is repeated after a crash); with a
    ``dispatch`` it sends it once and looks for it. Use a partner made for the test.
    """
    verdict = Verdict(f"link {getattr(cls, 'name', cls)!s}")
    verdict.contract(check_contract, cls)
    link = cls(cls.Settings(**settings), a_context(**(context or {})))
    verdict.expect(isinstance(link.probe(), Probe), "probe does not return a Probe")
    _check_receive(verdict, link)
    if dispatch is not None:
        _check_send(verdict, link, dispatch)
    link.close()
    link.close()
    verdict.close()


def _check_receive(verdict: Verdict, link: Link) -> None:
    cursor = None
    for payload in link.receive(None):
        if not verdict.expect(isinstance(payload, Payload), "receive yields something else than Payload"):
            return
        verdict.expect(isinstance(payload.stream.read(), bytes), "a payload's stream does not give bytes")
        verdict.expect(payload.name, "a payload has no name to show people")
        cursor = payload.cursor or cursor
        for _ in range(2):
            link.settle(payload, Outcome("accepted"))
    names = [payload.name for payload in link.receive(cursor)]
    verdict.expect(names == [], f"what was settled is received again ({len(names)} payloads)")


def _check_send(verdict: Verdict, link: Link, dispatch: Dispatch) -> None:
    key = dispatch.id
    try:
        before = link.find(dispatch, key)
        sent = link.send(dispatch, key)
        found = link.find(dispatch, key)
    except (TryAgain, SetupError, RecordError) as error:
        verdict.expect(False, f"sending is refused: {error.code}")
        return
    verdict.expect(before is None, "find claims that the partner has what was never sent")
    verdict.expect(isinstance(sent, Receipt | Conflict), "send returns neither Receipt nor Conflict")
    verdict.expect(found is None or isinstance(found, Receipt | Conflict), "find returns something else")
