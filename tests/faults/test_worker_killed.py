"""A worker killed with SIGKILL at random moments, between any two commits: what came is all there, and once."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from books import accounts
from fhir_server import fhir_server
from pantry import HEADER, pantry_table
from programs import QUIET, Program
from sites import TestSite, bundle, order, patient, task

SEED = int(os.environ.get("CASEBRIDGE_SEED", "0")) or random.randrange(1, 2**32)
REFERRALS, FILES, ROWS = 60, 6, 50
KILLS = 5
TASKS = 12


def referral(number: int) -> str:
    """A person, an order and a Task of their own; every tenth Task is no referral."""
    person, service = patient(f"p{number}", f"8996{number:05}"), order(person=f"p{number}") | {"id": f"s{number}"}
    code = "make-contact" if number % 10 == 0 else "fulfill"
    asked = task(id_=f"t{number}", person=f"p{number}", code=code)
    return json.dumps(bundle(asked | {"focus": {"reference": f"ServiceRequest/s{number}"}}, service, person))


def client_list(file: int) -> str:
    """Fifty clients, one of them born on a day that is none."""
    rows = [f"K{file}-{n},Ada,Moreno,{'sometime' if n == 7 else '02/20/1987'},,,,,,,,,\n" for n in range(ROWS)]
    return HEADER + "".join(rows)


def filled(folder: Path) -> None:
    """Everything that is to be read lies ready."""
    for name, text in [
        *((f"hospital/in/{n}.json", referral(n)) for n in range(REFERRALS)),
        *((f"pantry/in/{n}.csv", client_list(n)) for n in range(FILES)),
    ]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def started(folder: Path) -> Program:
    """``casebridge run`` in a process of its own."""
    return Program("run", "-c", folder / "casebridge.toml", stdout=QUIET, stderr=QUIET)


def run(folder: Path, kill_after: float | None = None) -> int:
    """``casebridge run``, killed after so many seconds or to its end; its exit code."""
    process = started(folder)
    if kill_after is not None:
        lock = folder / "casebridge.db.lock"
        while process.poll() is None and not lock.exists():
            time.sleep(0.01)
        time.sleep(kill_after)
        process.kill()
        lock.unlink(missing_ok=True)
    return process.wait()


def test_what_came_is_all_there_and_once(make_site: Callable[..., TestSite]) -> None:
    chance = random.Random(SEED)
    site = make_site(more=pantry_table())
    filled(site.folder)
    site.bridge.close()
    for _ in range(KILLS):
        seconds = chance.uniform(0.0, 0.8)
        code = run(site.folder, seconds)
        print(f"CASEBRIDGE_SEED={SEED}: killed {seconds:.3f} s into its work: {code}")  # noqa: T201
    assert run(site.folder) == 0
    site.reopen_with_same_settings()
    site.work()

    made = REFERRALS - REFERRALS // 10
    assert accounts(site, "hospital") == {"in": 3 * REFERRALS, "done": 2 * REFERRALS + made, "skipped": 6}
    assert accounts(site, "pantry") == {"in": FILES * ROWS, "done": FILES * (ROWS - 1), "held": FILES}
    assert len(site.messages(kind="payload", state="done")) == REFERRALS + FILES
    sent = [document["referral"] for document in site.out("agency")]
    assert sorted(sent) == [r.id for r in site.referrals()]
    assert len(sent) == len(set(sent)) == made
    assert [list((site.folder / p / "in").iterdir()) for p in ("hospital", "pantry")] == [[], []]


def test_killed_between_their_write_and_our_commit_it_does_not_write_again(make_site: Callable[..., TestSite]) -> None:
    running: list[Program] = []
    kills = [0, 2, 1]  # in the first run at the first write, in the second at the third, in the third at the second
    with fhir_server() as server:
        for n in range(TASKS):
            focus = {"focus": {"reference": f"ServiceRequest/s{n}"}}
            server.put(patient(f"p{n}", f"8996{n:05}"), order(person=f"p{n}") | {"id": f"s{n}"},
                       task(id_=f"t{n}", person=f"p{n}") | focus)  # fmt: skip
        settings = f'{{ base_url = "{server.base}", pause = 0, attempts = 2 }}'
        site = make_site(hospital_carrier="fhir-rest", hospital_settings=settings)
        site.work()
        assert len(site.out("agency")) == TASKS
        site.bridge.close()
        for number, document in enumerate(site.out("agency")):
            said = {"referral": document["referral"], "answer": "accept", "nonce": f"{number:032x}"}
            (site.folder / "agency" / "in" / f"{number}.json").write_text(json.dumps(said))

        def kill_in_time() -> None:
            if kills and kills[0] == 0:
                running[-1].kill()
                running[-1].wait()
            elif kills:
                kills[0] -= 1

        server.after_write = kill_in_time
        while kills:
            running.append(started(site.folder))
            assert running[-1].wait() == -9
            kills.pop(0)
        assert run(site.folder) == 0
        site.reopen_with_same_settings()
        assert sorted(server.writes) == sorted(f"PUT Task/t{n}" for n in range(TASKS))
        assert {server.resources[f"Task/t{n}"]["status"] for n in range(TASKS)} == {"accepted"}
        assert site.messages(state="held") + site.messages(direction="out", state="waiting") == []
