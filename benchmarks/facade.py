"""The FHIR door beside sekmet-fhir, on the same data in the same run: ``python -m benchmarks.facade [--json]``.

A referral is one transaction of a Patient, a ServiceRequest and a Task: when the answer comes it is applied. Both
servers run in a process of their own, and so do the clients.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from benchmarks._facade_client import Request, asked
from benchmarks._flow_processes import processes
from benchmarks._flow_site import JOURNAL, referrals
from benchmarks._printed import Figure, show

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from fhir_servers import running_sekmet

TOKEN = "a-token-for-figures"
CONNECTIONS = 16  # at once
CONFIG = """
[site]
name = "Measured"
treatment = "treatment"

[store]
url = "sqlite:///books.db"

[web]
partners = "127.0.0.1:{port}"
console = "127.0.0.1:{other}"
processes = 2

[partner.hospital]
role = "covered_entity"
carrier = "fhir"
format = "fhir-r4"
maps = "sdohcc"
settings = {{ token = "file:token", may_write = ["*"] }}

[partner.agency]
role = "cbo"
agreements = [{{ kind = "BAA", until = 2099-12-31 }}]
{agency}

[[route]]
when = {{ kind = "referral", domain = "food-insecurity" }}
to = "agency"
"""
JOURNAL_LINK = """
carrier = "journal"
format = "form"
maps = "web-form"
settings = { file = "agency.jsonl" }
"""
FHIR_LINK = """
carrier = "fhir-rest"
format = "fhir-r4"
maps = "sdohcc-recipient"
settings = {{ base_url = "{url}", recipient = "Organization/harbor", requester = "Organization/bridge" }}
"""


@contextmanager
def ours(agency: str = JOURNAL_LINK) -> Iterator[str]:
    """The address of our door."""
    from benchmarks.flow import free_port

    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "plugins").mkdir()
        (folder / "plugins" / "measured_links.py").write_text(JOURNAL)
        (folder / "token").write_text(TOKEN)
        os.chmod(folder / "token", 0o600)
        file = folder / "casebridge.toml"
        file.write_text(CONFIG.format(port=port, other=free_port(), agency=agency))
        with processes("serve", file):
            url = f"http://127.0.0.1:{port}/fhir"
            with httpx2.Client(transport=httpx2.HTTPTransport(retries=50)) as client:
                client.get(f"{url}/metadata").raise_for_status()
            yield url


@contextmanager
def theirs() -> Iterator[str]:
    """The address of sekmet-fhir."""
    program = Path(sys.executable).with_name("sekmet")
    with tempfile.TemporaryDirectory() as name, running_sekmet(program, Path(name)) as url:
        yield url


def transaction(number: int) -> Request:
    """One referral as a transaction."""
    (found,) = referrals(1, number)
    names = {f"{r['resourceType']}/{r['id']}": f"urn:uuid:{n:08}-0000-4000-8000-{number:012}"
             for n, r in enumerate(found)}  # fmt: skip
    text = json.dumps([{k: v for k, v in r.items() if k not in ("id", "meta")} for r in found])
    for name, urn in names.items():
        text = text.replace(f'"{name}"', f'"{urn}"')
    entries: list[dict[str, Any]] = [
        {"fullUrl": urn, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
        for urn, resource in zip(names.values(), json.loads(text), strict=True)]  # fmt: skip
    return "POST", "", json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


SEARCHES = ("Task?status=requested&_count=10", "Patient?identifier=http://hl7.org/fhir/sid/us-ssn|7{n:08d}",
            "Patient?family=Moreno{n}&_count=10", "Task?_include=Task:focus&_count=5")  # fmt: skip


def searches(count: int, of: int) -> list[Request]:
    """Searches of four kinds in turn."""
    return [("GET", SEARCHES[n % len(SEARCHES)].format(n=n % of), "") for n in range(count)]


def measured(url: str, token: str, count: int) -> tuple[float, float, float, float]:
    """(p50 in s of one alone, referrals/s by several, searches/s, p50 of a search)."""
    asked(url, token, [transaction(n) for n in range(20)])  # warm
    _, alone = asked(url, token, [transaction(n) for n in range(20, 120)])
    seconds, _ = asked(url, token, [transaction(n) for n in range(120, 120 + count)], CONNECTIONS)
    looks = searches(count, 120 + count)
    for_all, each = asked(url, token, looks, CONNECTIONS)
    return statistics.median(alone), count / seconds, len(looks) / for_all, statistics.median(each)


def passed_on(count: int) -> list[float]:
    """Seconds from the answer to a referral posted alone until its Task is on the server of the agency."""
    with theirs() as there, ours(FHIR_LINK.format(url=there)) as here, httpx2.Client() as client:
        for name in ("harbor", "bridge"):
            party = {"resourceType": "Organization", "id": name, "name": name}
            client.put(f"{there}/Organization/{name}", json=party).raise_for_status()
        times = []
        for number in range(count):
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}
            client.post(here, content=transaction(number)[2], headers=headers).raise_for_status()
            answered, until = time.perf_counter(), time.perf_counter() + 30
            while client.get(f"{there}/Task?_summary=count").json()["total"] <= number:
                if time.perf_counter() > until:
                    raise SystemExit("a referral did not reach the agency's server in 30 s")
                time.sleep(0.005)
            times.append(time.perf_counter() - answered)
        return times


def main() -> None:
    """Both servers, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--referrals", type=int, default=600)
    options = parser.parse_args()
    with ours() as url:
        p50, rate, looks, look = measured(url, TOKEN, options.referrals)
    with theirs() as url:
        their_p50, their_rate, their_looks, their_look = measured(url, "", options.referrals)
    onward = passed_on(20)
    name = "sekmet-fhir"
    figures = [
        figure("a referral posted, until it is applied: p50", p50 * 1000, "ms", name, p50 / their_p50),
        figure(f"referrals accepted on {CONNECTIONS} connections", rate, "/s", name, rate / their_rate),
        figure("from there to the agency's FHIR server: p50", statistics.median(onward) * 1000, "ms", "", 1),
        figure(f"searches on {CONNECTIONS} connections", looks, "/s", name, looks / their_looks),
        figure("a search: p50", look * 1000, "ms", name, look / their_look),
        figure("sekmet-fhir: a referral posted: p50", their_p50 * 1000, "ms", "", 1),
        figure("sekmet-fhir: referrals", their_rate, "/s", "", 1),
        figure("sekmet-fhir: searches", their_looks, "/s", "", 1),
    ]
    show(figures, ["casebridge", "sekmet-fhir", "fastapi", "uvicorn"], as_json=options.json)


def figure(name: str, value: float, unit: str, compared_to: str, ratio: float) -> Figure:
    """One line."""
    return {"name": name, "value": round(value, 1), "unit": unit, "compared_to": compared_to, "ratio": round(ratio, 3)}


if __name__ == "__main__":
    main()
