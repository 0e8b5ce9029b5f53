"""Laws of a referral that others were made of: whatever the agencies and the source say, in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from agencies import NAMES, settings
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from sites import TestSite, bundle, order, patient, task

from casebridge.core.referral import BEGUN, parent_status
from casebridge.core.transitions import STANDARD
from casebridge.engine import moving
from casebridge.engine.applying import Applied, Change
from casebridge.engine.follow import follow
from casebridge.store import referrals
from casebridge.store.database import Connection
from casebridge.store.referrals import StoredReferral

ROUTE = '\n[[route]]\nwhen = {{ kind = "referral", domain = "{domain}" }}\n{to}\n'
ROUTES = {
    "stress": 'to = ["north", "south", "west"]\nmode = "split"',
    "veteran-status": 'to = ["north", "south"]\nmode = "offer"\nthen = ["west"]',
    "digital-access": 'to = "north"\nthen = ["south", "west"]',
}
SAID = {
    "accepted": {}, "in-progress": {}, "rejected": {"reason": "full"}, "failed": {"reason": "gone"},
    "on-hold": {"reason": "ill"}, "cancelled": {"reason": "closed"}, "entered-in-error": {},
    "completed": {"outputs": [{"code": "resulting-activity", "value": "done"}]},
    "requested": {"detail": "waitlisted"},
}  # fmt: skip
AT_ONCE = 16
speakers = st.sampled_from([*NAMES, *NAMES, "hospital"])
steps = st.lists(st.tuples(speakers, st.sampled_from(sorted(SAID))), max_size=14)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestSite]:
    folder = tmp_path_factory.mktemp("laws")
    more = "".join(ROUTE.format(domain=domain, to=to) for domain, to in ROUTES.items())
    made = TestSite(folder, more=settings(folder, 'to = "north"', more=more))
    yield made
    made.bridge.close()


def referred(site: TestSite, domain: str, waiting: dict[str, list[str]] = {}) -> StoredReferral:  # noqa: B006
    """One that nothing was said about yet; many arrive together, for that costs hardly more than one."""
    if not waiting.get(domain):
        first = len(site.referrals())
        ids = [f"t{first + number}" for number in range(AT_ONCE)]
        asked = {**order(domain), "id": domain}
        tasks = [task(id_=id_, focus={"reference": f"ServiceRequest/{domain}"}) for id_ in ids]
        site.drop("hospital", f"{ids[0]}.json", bundle(*tasks, asked, patient()))
        waiting[domain] = ids
    with site.bridge.site.store.read() as c:
        found = referrals.by_source(c, "hospital", f"Task/{waiting[domain].pop()}")
    assert found is not None
    return found


def says(c: Connection, site: TestSite, parent: StoredReferral, who: str, state: str) -> None:
    """What *apply* does with one event of a partner."""
    family = [parent, *referrals.children(c, parent.id)]
    meant = next((r for r in family if who in (r.recipient, r.source if not r.sort else "")), None)
    if meant is None:
        return
    side: Any = "source" if who == "hospital" else "target"
    said = {"status": state, **SAID[state]}
    if moving.record_event(c, site.bridge.site, meant, who, side, None, said) == "apply":
        change = Change("referral-moved", None, meant.id, side)
        follow(c, site.bridge.site, Applied(changes=[change]))


def history(c: Connection, site: TestSite, referral: StoredReferral) -> list[str]:
    return [event.state for event in moving.state_of(c, site.bridge.site, referral).applied]


@pytest.mark.parametrize("domain", list(ROUTES))
@how(max_examples=15)
@given(happening=steps)
def test_the_whole_is_what_its_children_make_of_it(
    site: TestSite, domain: str, happening: list[tuple[str, str]]
) -> None:
    parent, ended = referred(site, domain), {}
    for who, state in happening:
        with site.bridge.site.store.write() as c:
            says(c, site, parent, who, state)
            now, made = referrals.get(c, parent.id), referrals.children(c, parent.id)
            assert now is not None
            told = history(c, site, now)
            by_source = told[-1] in ("cancelled", "entered-in-error") and ended_by_source(c, now)
            children = [history(c, site, one) for one in made]
            assert by_source or now.status == parent_status(children)
            assert [one.status for one in made] == [states[-1] for states in children]
            taken = [one for one in made if one.sort == "offer" and BEGUN.intersection(history(c, site, one))]
            assert len(taken) <= 1
            for one in (now, *made):
                was = ended.setdefault(one.id, one.status) if STANDARD.ended(one.status) else one.status
                assert was == one.status or one.status == "entered-in-error"
            assert not (by_source and any(not STANDARD.ended(one.status) for one in made))


def ended_by_source(c: Connection, referral: StoredReferral) -> bool:
    moved = [event for event in referrals.events(c, referral.id) if event.verdict == "apply"]
    return moved[-1].side == "source"
