"""How the site stands, on the console's page, for Prometheus, and on the command line: one look, three clothes."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

import httpx2
import pytest
from playwright.sync_api import Page, expect
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from casebridge.cli import app
from casebridge.store import circuits, ledger
from casebridge.store.circuits import Circuit
from casebridge.store.database import StoreTrouble
from casebridge.web.wording import age


@pytest.fixture(scope="module")
def watched(lived_in):
    """The site with a day's work behind it, after its first sign of life."""
    lived_in.bridge.pulse.role = "serve"
    until = time.monotonic() + 20
    while httpx2.get(f"{lived_in.url}/ready").status_code != 200 and time.monotonic() < until:
        time.sleep(0.1)
    lived_in.bridge.pulse.beat()
    return lived_in


def metrics(house) -> dict[tuple[str, ...], float]:
    """(metric, label values in the order of the labels' names) -> value."""
    answer = httpx2.get(f"{house.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {(sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
            for family in text_string_to_metric_families(answer.text) for sample in family.samples}  # fmt: skip


def test_both_listeners_say_whether_they_live_and_are_ready(watched):
    for url in (watched.listeners.console_url, watched.listeners.partners_url):
        assert httpx2.get(f"{url}/health").text == "alive\n"
        assert httpx2.get(f"{url}/ready").status_code == 200
    parts = httpx2.get(f"{watched.url}/ready").json()["parts"]
    assert {part["part"] for part in parts} >= {"database", "schema", "lanes", "seal", "timers"}
    assert all(part["well"] for part in parts)


def test_partners_learn_nothing_of_what_is_behind(house):
    house.bridge.lanes.stop()
    answers = [httpx2.get(f"{house.listeners.partners_url}/ready"), httpx2.get(f"{house.url}/ready")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].text == "not ready\n"
    assert [part["remedy"] for part in answers[1].json()["parts"] if not part["well"]]
    for path in ("/metrics", "/status"):
        assert httpx2.get(house.listeners.partners_url + path).status_code == 404


def test_the_figures_are_those_of_the_books(watched):
    found = metrics(watched)
    with watched.bridge.site.store.read() as c:
        counts = {code: n for (code,), n in ledger.tally(c, "code", state="held").items()}
    by_code: dict[str, float] = {}
    for (name, *labels), value in found.items():
        if name == "casebridge_held_messages":
            by_code[labels[0]] = by_code.get(labels[0], 0) + value
    assert by_code == counts
    assert found["casebridge_events_total", "", "accepted", "mercy", "", "accept"] == 1
    assert found["casebridge_processes", "serve"] == 1
    assert found["casebridge_ready", "lanes"] == 1
    assert found["casebridge_last_received_timestamp_seconds", "mercy"] == pytest.approx(time.time(), abs=3600)
    assert ("casebridge_last_received_timestamp_seconds", "county") not in found
    assert found["casebridge_partner_problem", "county"] == 1
    assert found["casebridge_store_bytes",] > 10_000
    assert found["process_resident_memory_bytes",] > 1_000_000


def test_a_circuit_that_is_open_shows(house):
    assert metrics(house)["casebridge_circuit_state", "pantry", "closed"] == 1
    with house.bridge.site.store.write() as c:
        now = circuits.locked(c, "pantry", house.bridge.site.now()).changed_at
        circuits.keep(c, Circuit("pantry", "open", 5, "2999-01-01T00:00:00.000000Z", "CB-401", changed_at=now))
    found = metrics(house)
    assert [found["casebridge_circuit_state", "pantry", state] for state in ("open", "closed")] == [1, 0]
    assert "rests: sending failed, tried again" in httpx2.get(f"{house.url}/status").text


def test_what_is_sent_to_a_victim_service_provider_is_counted_without_its_name(house):
    """That there was something for it is protected (34 U.S.C. 12291(b)(2)); that its server is down is not."""
    columns = "number,status,detail,reason,need,service,needed_by,note,at,first,last,ssn"
    house.arrives("mercy", "one.csv", f"{columns}\nR-1,requested,,,food-insecurity,,,,,Ada,Moreno,\n".encode())
    open_ = metrics(house)
    partners = house.bridge.site.partners
    partners["pantry"] = replace(partners["pantry"], vsp=True, role="vsp")
    quiet = metrics(house)
    named = {key[0] for key in quiet if any("pantry" in part for part in key)}
    assert named == {"casebridge_circuit_state"}
    delivered = [key for key in open_ if "pantry" in str(key) and "delivered" in key]
    assert delivered
    hidden = [value for key, value in quiet.items() if "not-named" in str(key) and "delivered" in key]
    assert sum(hidden) == sum(open_[key] for key in delivered)


def test_without_its_database_it_still_says_that_it_is_not_ready(house, monkeypatch):
    monkeypatch.setattr(house.bridge.site.store, "read", _gone)
    assert metrics(house)["casebridge_ready", "database"] == 0
    for path in ("/ready", "/status"):
        answer = httpx2.get(house.url + path)
        assert (answer.status_code, "The database does not answer" in answer.text) == (503, True)


def _gone():
    raise StoreTrouble("OperationalError")


def test_no_label_comes_from_a_partner_and_no_person_is_in_it(watched):
    text = httpx2.get(f"{watched.url}/metrics").text
    assert not re.search(r"Rosa|Delgado|O.Neil|Webb|Moreno|Okafor|900112222|stove|morning\.csv", text)
    labels = set(re.findall(r'(\w+)="', text))
    assert labels - {"urgent"} == {"partner", "stop", "state", "code", "who", "event", "role", "part"}
    partners = set(re.findall(r'partner="([^"]*)"', text))
    assert partners <= {*watched.bridge.site.partners, ""}


def test_the_guide_names_every_metric_and_no_other(watched, request):
    guide = (request.config.rootpath / "docs/guides/operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([a-z_]+)`", guide[guide.index("## Every metric") :], re.MULTILINE))
    families = {family.name for family in text_string_to_metric_families(httpx2.get(f"{watched.url}/metrics").text)}
    ours = {name.removeprefix("casebridge_") for name in families if name.startswith("casebridge_")}
    assert told == ours - {"events"} | {"events_total"}


def test_the_page_says_it_in_words(watched, page: Page):
    page.goto(f"{watched.url}/status")
    expect(page.get_by_role("heading", level=1)).to_have_text("Status")
    expect(page.get_by_role("heading", name="Ready")).to_be_visible()
    expect(page.get_by_role("link", name="CB-504")).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Mercy Hospital"))
    expect(row).to_contain_text("in order")
    expect(page.get_by_text("The gateway on")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Status")).to_have_attribute(
        "aria-current", "page")  # fmt: skip


def test_the_command_says_the_same(watched, monkeypatch):
    config = str(watched.folder / "casebridge.toml")
    shown = CliRunner().invoke(app, ["status", "--config", config], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    for words in ("Waiting", "Pace", "Held", "CB-504", "Partners", "county", "serve on", "The store takes"):
        assert words in shown.output
    said = json.loads(CliRunner().invoke(app, ["status", "--json", "--config", config]).stdout)
    assert {row["code"] for row in said["held"]} >= {"CB-504"}
    assert {row["name"]: row["mode"] for row in said["partners"]}["mercy"] == "live"
    assert said["rates"]["hour"]["exact"] is True
    assert [beat["role"] for beat in said["workers"]] == ["serve"]


AGES = [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3600, "1 h"), (3661, "1 h 1 min"), (90_000, "1 d 1 h"),
        (-5, "0 s")]  # fmt: skip


@pytest.mark.parametrize(("seconds", "words"), AGES)
def test_how_long_ago(seconds, words):
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert age((now - timedelta(seconds=seconds)).isoformat(), now.isoformat()) == words
