"""We subscribe at a real server, and what it tells us has us poll at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from casebridge_fhir.settings import RestSettings
from casebridge_fhir.subscribing.address import Address
from doors import TOKEN, doors_of
from pydantic import SecretStr
from sites import TestSite, order, patient, task
from sqlalchemy import select
from subscribers import SECRET, at_work, free_port, until

from casebridge import Context
from casebridge.store import ledger, notes, rounds
from casebridge.store.tables import fact


class Told:
    """A site that has subscribed at a hospital's server."""

    def __init__(self, folder: Path, base: str, port: int = 0, **settings: str) -> None:
        self.folder, self.base, self.port = folder, base, port or free_port()
        (folder / "notify").write_text(SECRET)
        self.site = TestSite(folder, **self._config(settings))

    def _config(self, settings: dict[str, str]) -> dict[str, str]:
        given = {"base_url": self.base, "notify_key": "file:notify", **settings}
        said = ", ".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        more = f'[web]\npartners_url = "http://127.0.0.1:{self.port}"\n'
        return {"hospital_carrier": "fhir-rest", "hospital_settings": f"{{ {said}, pause = 0 }}", "more": more}

    def reopen(self, **settings: str) -> None:
        self.site.reopen(**self._config(settings))

    @property
    def link(self) -> Any:
        return self.site.bridge.site.partners["hospital"].link

    def subscriptions(self, token: str = "") -> list[dict[str, Any]]:
        """Those that notify us, as they stand on the hospital's server."""
        with httpx2.Client(trust_env=False, headers={"Authorization": f"Bearer {token}"} if token else {}) as client:
            found = client.get(f"{self.base}/Subscription", params={"url": self.link.subscriber.address.url}).json()
        return [entry["resource"] for entry in found.get("entry", [])]

    def notify(self, client: httpx2.Client, body: bytes, path: str = "", method: str = "POST") -> int:
        """Their server notifies us, as it should or not; the status of our answer."""
        address = self.link.subscriber.address
        headers = {"Authorization": f"Bearer {address.token}", "Content-Type": "application/fhir+json"}
        return client.request(method, f"/fhir-notify/{address.key}{path}", content=body, headers=headers).status_code

    def notes(self, name: str) -> str:
        with self.site.bridge.site.store.read() as c:
            return notes.get(c, "hospital", name)

    def heard(self) -> tuple[int, str]:
        """The highest number, and when it was."""
        total, _, at = self.notes("heard").partition(" ")
        return int(total or 0), at

    def missed(self) -> list[str]:
        """How many notifications did not reach us, each time that this was seen."""
        with self.site.bridge.site.store.read() as c:
            return [e["facts"]["missed"] for e in ledger.events(c, name="notification-missed")]

    def polls(self) -> str:
        """Until when it rests after the last poll: another moment after each."""
        site = self.site.bridge.site
        with site.store.read() as c:
            return c.execute(select(fact.c.value).where(fact.c.name == f"{rounds.KIND}hospital")).scalar() or ""

    def resting(self) -> bool:
        """Was it polled, so that it is not polled again for a quarter of an hour?"""
        site = self.site.bridge.site
        with site.store.read() as c:
            return "hospital" in rounds.resting(c, site.now())

    def status(self, token: str = "") -> str:
        return "".join(s["status"] for s in self.subscriptions(token))


@pytest.fixture
def told(tmp_path: Path, sekmet: str) -> Iterator[Callable[..., Told]]:
    made: list[Told] = []

    def make(**settings: str) -> Told:
        made.append(Told(tmp_path, sekmet, **settings))
        return made[-1]

    yield make
    for one in made:
        one.site.bridge.close()


def refer(base: str, tag: str, token: str = "", **more: Any) -> None:
    """The hospital refers somebody."""
    text = json.dumps([patient(), order(), task(**more)])
    for id_ in ("p1", "s1", "t1"):
        text = text.replace(f'/{id_}"', f'/{id_}-{tag}"').replace(f'"id": "{id_}"', f'"id": "{id_}-{tag}"')
    with httpx2.Client(trust_env=False, headers={"Authorization": f"Bearer {token}"} if token else {}) as client:
        for resource in json.loads(text):
            answer = client.put(f"{base}/{resource['resourceType']}/{resource['id']}", json=resource)
            assert answer.is_success, answer.text


def test_a_referral_is_here_without_a_poll(told: Callable[..., Told], sekmet: str, tmp_path: Path) -> None:
    hospital = told(subscribe="classic", owner="Organization/classic", since="2026-11-21")
    with at_work(hospital.site.bridge, hospital.port):
        until(lambda: hospital.status() == "active", "an active Subscription")
        until(hospital.resting, "the end of the first poll")
        refer(sekmet, "classic", owner={"reference": "Organization/classic"})
        found = until(hospital.site.referrals, "the referral")
    assert len(found) == 1
    (there,) = hospital.subscriptions()
    assert there["criteria"] == "Task?owner=Organization/classic"
    assert "payload" not in there["channel"]


def test_a_topic_shakes_hands_and_its_events_have_us_poll(told: Callable[..., Told], sekmet: str) -> None:
    """sekmet has no topic for Tasks: one for Patients shows the channel."""
    hospital = told(subscribe="backport", topic="http://sekmet.dev/fhir/SubscriptionTopic/patient-change")
    with at_work(hospital.site.bridge, hospital.port):
        until(lambda: hospital.status() == "active", "an active Subscription")
        until(hospital.resting, "the end of the first poll")
        before = hospital.polls()
        refer(sekmet, "topic")
        until(lambda: hospital.polls() > before, "a poll that nobody waited for")
        until(lambda: hospital.heard()[0] >= 1, "the number of the event")
    hospital.reopen(subscribe="no")
    hospital.site.work()
    assert hospital.notes("subscription") == ""
    hospital.reopen(subscribe="classic")
    assert hospital.subscriptions() == []


def test_two_bridges_tell_each_other(tmp_path: Path) -> None:
    """One comes to the other's door and subscribes there by the guide's own topic; after a restart it is told still."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir(), theirs.mkdir()
    for folder in (ours, theirs):
        (folder / "token").write_text(TOKEN)
    port, ours_at = free_port(), free_port()
    settings = f'{{ token = "file:token", may_write = ["*"], notify_at = ["http://127.0.0.1:{ours_at}"] }}'
    there = TestSite(theirs, hospital_carrier="fhir", hospital_settings=settings, treatment="treatment")
    here = Told(ours, f"http://127.0.0.1:{port}/fhir", port=ours_at, subscribe="backport", token="file:token")
    try:
        with at_work(there.bridge, port):
            with at_work(here.site.bridge, here.port):
                until(lambda: here.status(TOKEN) == "active", "an active Subscription")
                until(here.resting, "the end of the first poll")
                refer(here.base, "pair", TOKEN)
                until(here.site.referrals, "the referral")
            here.reopen(subscribe="backport", token="file:token")
            with at_work(here.site.bridge, here.port):
                until(here.resting, "the end of the first poll")
                refer(here.base, "pair", TOKEN, status="cancelled", statusReason={"text": "No longer needed"})
                until(lambda: here.site.referral().status == "cancelled", "the withdrawal")
            assert here.status(TOKEN) == "active"  # one, and the same
            assert here.missed() == []
    finally:
        there.bridge.close()
        here.site.bridge.close()


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[tuple[Told, httpx2.Client]]:
    """A site whose door is open, and nobody there to be polled: whoever comes can only have it ask."""
    here = Told(tmp_path, "http://127.0.0.1:9/fhir", subscribe="backport")
    with doors_of(here.site.bridge, here.port) as url, httpx2.Client(trust_env=False, base_url=url) as client:
        yield here, client
    here.site.bridge.close()


def notification(kind: str, total: str, *numbers: str) -> bytes:
    events = [{"name": "notification-event", "part": [{"name": "event-number", "valueString": n}]} for n in numbers]
    said = {"resourceType": "Parameters", "parameter": [
        {"name": "status", "valueCode": "active"}, {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": total}, *events]}  # fmt: skip
    return json.dumps({"resourceType": "Bundle", "type": "history", "entry": [{"resource": said}]}).encode()


def test_numbers_tell_what_did_not_reach_us(notified: tuple[Told, httpx2.Client]) -> None:
    here, client = notified
    asked: list[int] = []
    for body in (notification("handshake", "3"), notification("event-notification", "4", "4"),
                 notification("heartbeat", "4"), notification("heartbeat", "6"),
                 notification("event-notification", "10", "9", "10")):  # fmt: skip
        assert here.notify(client, body) == 200
        asked.append(len(here.missed()))
    assert asked == [0, 0, 0, 1, 2]
    assert here.missed() == ["2", "2"]
    assert here.heard()[0] == 10


BOMBS = {
    "not json": b"{", "deep": b'{"entry":' * 5000 + b"1" + b"}" * 5000, "a list": b"[1]", "numbers": b"1" * 10000,
    "huge": b"x" * (1024 * 1024), "wrong types": b'{"entry": [{"resource": {"parameter": [[], 1, {"name": []}]}}]}',
    "wrong numbers": notification("event-notification", "9" * 400, "-1", "1e9", "\u0663"),
    "xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><Bundle>&b;</Bundle>",
    "somebody": json.dumps(patient("p9")).encode(),
}  # fmt: skip


def test_whatever_comes_is_a_reason_to_ask_and_no_more(notified: tuple[Told, httpx2.Client]) -> None:
    here, client = notified
    before = here.site.messages()
    for name, body in BOMBS.items():
        assert here.notify(client, body) == 200, name
        assert here.notify(client, body, "/Task/p1", method="PUT") == 200, name
    assert here.site.messages() == before
    assert here.heard()[0] == 0
    assert here.missed() == []


def test_without_the_token_nothing_happens(notified: tuple[Told, httpx2.Client]) -> None:
    here, client = notified
    event, address = notification("event-notification", "9", "9"), here.link.subscriber.address
    for authorization in ("", "Bearer", "Bearer wrong", f"Basic {address.token}", f"Bearer {address.key}"):
        headers = {"Authorization": authorization} if authorization else {}
        assert client.post(f"/fhir-notify/{address.key}", content=event, headers=headers).status_code == 401
    other = f"{address.key[:-1]}{'0' if address.key[-1] != '0' else '1'}"
    for key in (other, "hospital", "..", address.token):
        answer = client.post(f"/fhir-notify/{key}", content=event, headers={"Authorization": f"Bearer {address.token}"})
        assert answer.status_code == 404
    assert here.notes("heard") == ""
    assert not here.resting()


def test_secrets_differ_by_partner_and_environment() -> None:
    secret = SecretStr(SECRET)
    made = [Address.of(secret, Context(p, environment=e, partners_url="https://us.example/"))
            for p in ("a", "b") for e in ("prod", "test")]  # type: ignore[arg-type]  # fmt: skip
    assert len({part for address in made for part in (address.key, address.token)}) == 8
    assert made[0].url == f"https://us.example/fhir-notify/{made[0].key}"


def test_a_subscription_needs_a_secret(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="notify_key"):
        RestSettings(base_url="https://hospital.example/fhir", subscribe="classic", notify_key=SecretStr("short"))
