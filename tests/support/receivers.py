"""The agency's own system under test: what it says to each dispatch is the test's, and so is the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from lane_sites import Clock
from sites import TestSite, bundle, order, patient, task

from casebridge.adapter import Dispatch, Outcome, Payload, Probe, Receipt
from casebridge.core.errors import CaseBridgeError, TryAgain
from casebridge.engine.retrying import Delivery
from casebridge.engine.timeline import referral_page
from casebridge.store.leases import Lane

DOWN = TryAgain("CB-401", "no answer")


class Receiver:
    """``says`` is raised instead of a receipt, as long as it is set; ``arrives`` says whether the dispatch got there
    all the same. ``calls`` are the keys handed over, ``got`` those that arrived."""

    name, window, finds = "receiver", 1, True
    Settings: Any = None

    def __init__(self) -> None:
        self.says: Callable[[Dispatch], CaseBridgeError | None] = lambda dispatch: None
        self.arrives = False
        self.calls: list[str] = []
        self.asked = 0  # how often it was called at all
        self.got: list[str] = []
        self.referrals: list[str] = []

    def down(self, error: CaseBridgeError | None = DOWN) -> None:
        """From now on, whatever comes; None: it is back."""
        self.says = lambda dispatch: _another(error) if error else None

    def send(self, dispatch: Dispatch, key: str) -> Receipt:
        self.calls.append(key)
        self.asked += 1
        error = self.says(dispatch)
        if error is None or self.arrives:
            self.got.append(key)
            self.referrals.append(str(dispatch.releases[0].document["referral"]))
        if error is not None:
            raise error
        return Receipt("taken")

    def find(self, dispatch: Dispatch, key: str) -> Receipt | None:
        self.asked += 1
        error = self.says(dispatch)
        if error is not None and not self.arrives:
            raise error
        return Receipt("found") if self.finds and key in self.got else None

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        return iter(())

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        return None

    def probe(self) -> Probe:
        return Probe(True, "")

    def close(self) -> None:
        return None


def _another(error: CaseBridgeError) -> CaseBridgeError:
    """Equal, and not the same: each dispatch failed by itself."""
    made = type(error)(error.code, error.message)
    vars(made).update(vars(error))
    return made


class BulkReceiver(Receiver):
    """Takes many at once; ``batches`` are how many."""

    window = 8

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def send_all(self, sendings: Sequence[tuple[Dispatch, str]]) -> list[Receipt | CaseBridgeError]:
        self.batches.append(len(sendings))
        return [self._one(dispatch, key) for dispatch, key in sendings]

    def _one(self, dispatch: Dispatch, key: str) -> Receipt | CaseBridgeError:
        try:
            return self.send(dispatch, key)
        except CaseBridgeError as error:
            return error


class DeliverySite:
    """A site whose agency is a receiver; time stands still but for ``later``."""

    def __init__(self, site: TestSite, receiver: Receiver | None = None, **delivery: Any) -> None:
        self.site, self.receiver, self.clock = site, receiver or Receiver(), Clock()
        self.inner = site.bridge.site
        self.inner.clock = self.clock
        partner = self.inner.partners["agency"]
        self.inner.partners["agency"] = replace(
            partner, link=self.receiver, delivery=Delivery(**delivery))  # type: ignore[arg-type]

    def refer(self, *people: str, work: bool = True, **more: Any) -> None:
        """A referral for food for each person."""
        folder = self.site.folder / "hospital" / "in"
        folder.mkdir(exist_ok=True)
        for person in people:
            sent = task(id_=f"t-{person}", person=person), order(person=person, **more), patient(person, ssn=None)
            data = bundle(*sent)
            self.site.drop_quietly("hospital", f"{person}.json", data)
        if work:
            self.site.work()

    def refer_again(self, person: str, **more: Any) -> None:
        """The hospital says something else of it."""
        sent = task("2", id_=f"t-{person}", person=person, **more), order(person=person), patient(person, ssn=None)
        data = bundle(*sent)
        self.site.drop("hospital", f"{person}-2.json", data)

    def latest_decisions(self) -> list[dict[str, Any]]:
        """The last release of each message to the agency."""
        found = {d["message"]: d for d in self.site.disclosures(recipient="agency", effect="released")}
        return list(found.values())

    def later(self, **by: float) -> None:
        """Time goes by, and the bridge does what is due."""
        self.clock.move(timedelta(**by).total_seconds())
        self.site.work()

    def turn(self, stop: str) -> None:
        """One turn at each of the agency's lanes of a stop, after all that comes before."""
        worker, before = self.site.bridge.lanes.worker, ("understand", "apply") if stop == "prepare" else ()
        if before:
            worker.turn(Lane("accept", "hospital"))
        for each in (*before, stop):
            for lane in worker.due([each]):
                worker.turn(lane)

    def journeys(self, partner: str) -> list[Any]:
        """What the page of the only referral says of its messages to a partner."""
        page = referral_page(self.inner, self.site.referral().id)
        assert page is not None
        return [j for j in page.journeys if j.partner == partner]

    def noted(self, name: str) -> list[tuple[str, str]]:
        """(partner, code) of the events of a name."""
        return [(e["partner"], e["code"]) for e in self.site.noted(name)]

    def waiting(self) -> list[Any]:
        """What waits for the agency."""
        return self.site.messages(partner="agency", direction="out", state="waiting")
