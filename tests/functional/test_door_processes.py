"""``[web] processes``: several processes answer at the partners' doors as one would. Real processes, real requests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from doors import SETTINGS, TOKEN, fhir_client, free_port
from lane_sites import comes_true
from programs import Program, ran
from sites import TestSite, order, patient, task

from casebridge.core.event import Event
from casebridge.ending import LONGEST
from casebridge.store.database import Store

WEB = '\n[web]\npartners = "127.0.0.1:0"\nconsole = "127.0.0.1:0"\nprocesses = 2\n'


LOUD = """
from casebridge import hookimpl

@hookimpl
def on_event(event):
    print("an adapter that prints")
"""


def made(folder: Path, web: str = WEB) -> TestSite:
    """The files of a site that no process works on."""
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    site = TestSite(folder, hospital_carrier="fhir", hospital_settings=SETTINGS, treatment="treatment", more=web)
    site.bridge.close()
    return site


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestSite, str]]:
    """One that two processes answer for, and where partners find it."""
    site = made(tmp_path_factory.mktemp("site"))
    (site.folder / "plugins").mkdir()
    (site.folder / "plugins" / "loud.py").write_text(LOUD)
    with served(site) as (process, url):
        assert len(beside(process)) == 1
        yield site, url


@contextmanager
def served(site: TestSite) -> Iterator[tuple[Program, str]]:
    """A gateway, and where partners find it."""
    with Program("serve", cwd=site.folder) as process:
        try:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(2)]
            assert said[1], process.communicate()[1]
            yield process, said[1].split()[-1]
        finally:
            process.kill()


def beside(process: Program) -> list[int]:
    """The processes that it started."""
    numbers = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [n for n in numbers if _stat(n).rpartition(")")[2].split()[1:2] == [str(process.pid)]]


def _stat(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # it has just ended
        return ""


@contextmanager
def client(url: str) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}", "Connection": "close"}  # so each request may meet another process
    with httpx2.Client(base_url=f"{url}/fhir/", headers=headers, timeout=30) as made:
        yield made


def referral() -> dict[str, Any]:
    """A new one, as a transaction."""
    resources = [patient(), order(), task()]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": f"http://127.0.0.1/{r['resourceType']}/{r['id']}", "resource": r,
         "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources]}  # fmt: skip


def of(number: int) -> dict[str, Any]:
    """A person."""
    return {"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": str(number)}],
            "name": [{"family": "Moreno"}]}  # fmt: skip


def test_what_one_has_taken_each_can_read_and_the_lanes_pass_it_on(gateway: tuple[TestSite, str]) -> None:
    site, url = gateway
    with client(url) as hospital:
        for number in range(100, 124):
            answer = hospital.post("Patient", json=of(number))
            assert answer.status_code == 201
            assert hospital.get(answer.headers["location"].partition("/_history")[0]).json() == answer.json()
        assert hospital.post("", json=referral()).status_code == 200
        assert comes_true(lambda: len(list((site.folder / "agency" / "out").glob("*.json"))) == 1)


def test_creates_with_the_same_condition_make_one(gateway: tuple[TestSite, str]) -> None:
    """Two planners send the same patient at the same moment, and two processes answer them."""

    def create(number: int) -> int:
        condition = {"If-None-Exist": f"identifier=urn:mrn|{number}"}
        with client(gateway[1]) as hospital:
            return hospital.post("Patient", json=of(number), headers=condition).status_code

    with ThreadPoolExecutor(12) as pool:
        codes = sorted(pool.map(create, [number for number in range(6) for _ in range(6)]))
    assert codes == [200] * 30 + [201] * 6
    with client(gateway[1]) as hospital:
        totals = [hospital.get("Patient", params={"identifier": f"urn:mrn|{n}"}).json()["total"] for n in range(6)]
    assert totals == [1] * 6


def test_who_listens_keeps_no_other_process_from_writing(tmp_path: Path) -> None:
    """Whatever an adapter does with what it hears, and however long: the commit is over."""
    (tmp_path / "token").write_text(TOKEN)
    site = TestSite(tmp_path, hospital_carrier="fhir", hospital_settings=SETTINGS, treatment="treatment")
    other, told = Store(site.bridge.site.store.url), list[str]()

    def listen(event: Event) -> None:
        with other.write():
            told.append(event.name)

    site.bridge.site.notify = listen
    with fhir_client(site.bridge) as hospital:
        assert hospital.post("", json=referral()).status_code == 200
    assert "applied" in told
    other.close()
    site.bridge.close()


def test_another_gateway_at_the_same_address_is_refused(gateway: tuple[TestSite, str], tmp_path: Path) -> None:
    site = made(tmp_path, WEB.replace("127.0.0.1:0", gateway[1].removeprefix("http://"), 1))
    code, _, err = ran("serve", cwd=site.folder)
    assert (code, "[CB-108]" in err) == (3, True), err


def test_one_that_ends_before_its_time_is_started_again(tmp_path: Path) -> None:
    with served(made(tmp_path)) as (process, url), client(url) as hospital:
        (killed,) = beside(process)
        os.kill(killed, signal.SIGKILL)
        assert comes_true(lambda: [pid for pid in beside(process) if pid != killed] != [])
        assert comes_true(lambda: _all_well(hospital))
        others = beside(process)
        process.terminate()
        _, log = process.communicate(timeout=LONGEST + 10)
        assert "ended (-9); it is started again" in log
        assert process.returncode == 0
        assert all(_is_gone(pid) for pid in others)


def test_one_that_would_be_of_another_configuration_takes_no_part(tmp_path: Path) -> None:
    with served(made(tmp_path)) as (process, url), client(url) as hospital:
        (killed,) = beside(process)
        with (tmp_path / "casebridge.toml").open("a") as file:
            file.write('\n# edited while it runs\n')
        os.kill(killed, signal.SIGKILL)
        assert comes_true(lambda: beside(process) not in ([], [killed]))
        assert comes_true(lambda: beside(process) == [])
        assert _all_well(hospital)
        process.terminate()
        _, log = process.communicate(timeout=LONGEST + 10)
        assert "has changed since casebridge serve was started" in log


def test_they_end_with_the_first_one_and_the_next_start_finds_the_address_free(tmp_path: Path) -> None:
    port = free_port()
    site = made(tmp_path, WEB.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
    with served(site) as (process, _):
        (other,) = beside(process)
        process.kill()
        process.wait()
        assert comes_true(lambda: _is_gone(other))
    with served(site) as (_, url), client(url) as hospital:
        assert url.endswith(f":{port}")
        assert _all_well(hospital)


def _all_well(hospital: httpx2.Client) -> bool:
    return {hospital.get("metadata").status_code for _ in range(10)} == {200}


def _is_gone(pid: int) -> bool:
    """Also when nobody has asked how it ended."""
    stat = _stat(pid)
    return not stat or ") Z " in stat
