"""We subscribe at a real server, and what it tells us has us poll at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sites import TestSite, order, patient, task
from subscribers import SECRET, at_work, free_port, until

from casebridge.store import rounds

ORGANIZATION = {"resourceType": "Organization", "name": "CaseBridge"}


class Told:
    """A site that has subscribed at a hospital's server."""

    def __init__(self, folder: Path, base: str, **settings: str) -> None:
        self.folder, self.base, self.port = folder, base, free_port()
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

    def subscriptions(self) -> list[dict[str, Any]]:
        """Those that notify us, as they stand on the hospital's server."""
        with httpx2.Client(trust_env=False) as client:
            found = client.get(f"{self.base}/Subscription", params={"url": self.link.subscriber.address.url}).json()
        return [entry["resource"] for entry in found.get("entry", [])]

    def resting(self) -> bool:
        """Was it polled, so that it is not polled again for a quarter of an hour?"""
        site = self.site.bridge.site
        with site.store.read() as c:
            return "hospital" in rounds.resting(c, site.now())

    def status(self) -> str:
        return "".join(s["status"] for s in self.subscriptions())


@pytest.fixture
def told(tmp_path: Path, sekmet: str) -> Iterator[Callable[..., Told]]:
    made: list[Told] = []

    def make(**settings: str) -> Told:
        made.append(Told(tmp_path, sekmet, **settings))
        return made[-1]

    yield make
    for one in made:
        one.site.bridge.close()


def refer(base: str, tag: str, **more: Any) -> None:
    """The hospital refers somebody."""
    text = json.dumps([patient(), order(), task(**more)])
    for id_ in ("p1", "s1", "t1"):
        text = text.replace(f'/{id_}"', f'/{id_}-{tag}"').replace(f'"id": "{id_}"', f'"id": "{id_}-{tag}"')
    with httpx2.Client(trust_env=False) as client:
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
