"""A made-up site behind real listeners, its partners on real folders, and a real browser in front of it."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from databases import copy_of_migrated
from playwright.sync_api import Browser, Page, sync_playwright

from casebridge.app import Bridge, open_bridge
from casebridge.store import links, referrals
from casebridge.web.server import Listeners

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
COLUMNS = ["number", "status", "detail", "reason", "need", "service", "needed_by", "note", "at", "first", "last", "ssn"]
CLIENTS = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On"


def rows(*given: dict[str, str]) -> bytes:
    """The desk's file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(given)
    return out.getvalue().encode()


@dataclass(slots=True)
class House:
    """A site with its listeners up."""

    folder: Path
    bridge: Bridge
    listeners: Listeners

    @property
    def url(self) -> str:
        return self.listeners.console_url

    def arrives(self, partner: str, name: str, data: bytes) -> None:
        """A partner leaves a file, and the bridge does what is due."""
        inbox = self.folder / partner / "in"
        inbox.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(data)
        (self.folder / name).rename(inbox / name)  # whole at once: the lanes look at any moment
        self.bridge.lanes.drain()

    def referral(self, number: str) -> str:
        """Our id of the hospital's referral."""
        with self.bridge.site.store.read() as c:
            found = referrals.by_source(c, "mercy", number)
        assert found is not None
        return found.id


def site_in(folder: Path, **changes: str) -> Path:
    """The site's files in a folder; ``changes`` replace text of casebridge.toml."""
    text = (HERE / "site.toml").read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "casebridge.toml").write_text(text, encoding="utf-8")
    shutil.copy(HERE / "desk.yaml", folder)
    for maps, number in (("desk", "referral.external_id"), ("pantry", "referral.correlation")):
        (folder / "mappings" / maps).mkdir(parents=True)
        text = (HERE / "desk-map.yaml").read_text(encoding="utf-8").replace("referral.external_id", number)
        (folder / "mappings" / maps / "referral.yaml").write_text(text, encoding="utf-8")
    for partner in ("mercy", "pantry", "agency"):
        (folder / partner).mkdir()
    return folder / "casebridge.toml"


def opened(folder: Path) -> Iterator[House]:
    copy_of_migrated(folder / "casebridge.db")
    bridge = open_bridge(site_in(folder))
    listeners = Listeners(bridge)
    listeners.start()
    yield House(folder, bridge, listeners)
    listeners.stop()
    bridge.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A site in which nothing has happened."""
    yield from opened(tmp_path)


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A site with a day's work behind it; tests only look at it."""
    for house in opened(tmp_path_factory.mktemp("lived-in")):
        _a_day(house)
        yield house


def _a_day(house: House) -> None:
    """R-1 accepted, then contradicted; R-2 waitlisted; R-3 cannot be mailed yet; 28 without a route; one bad row."""
    food = {"status": "requested", "need": "food-insecurity", "service": "Food box", "needed_by": "2026-11-23"}
    house.arrives("mercy", "morning.csv", rows(
        {"number": "R-1", "first": "Rosa", "last": "Delgado", "ssn": "900112222", "note": "No stove.", **food},
        {"number": "R-2", "first": "Ada", "last": "<b>O'Neil</b>", "ssn": "900113333", **food},
        {"number": "R-3", "status": "requested", "need": "material-hardship", "first": "Marcus", "last": "Webb"},
        *({"number": f"T-{n}", "status": "requested", "need": "transportation-insecurity"} for n in range(28)),
    ))  # fmt: skip
    one, two = house.referral("R-1"), house.referral("R-2")
    house.arrives("pantry", "noon.csv", rows(
        {"number": one, "status": "accepted"}, {"number": two, "status": "accepted", "detail": "waitlisted"}))
    house.arrives("pantry", "evening.csv", rows({"number": one, "status": "completed"}))
    house.arrives("pantry", "late.csv", rows({"number": one, "status": "rejected", "reason": "no room"}))
    house.arrives("agency", "clients.csv", (
        CLIENTS + "\nK-1,Tobi,Okafor,1987-13-99,,,,,,,,,\nK-2,Lena,Moreno,02/20/1987,,,,,,,,,\n").encode())
    with house.bridge.site.store.write() as c:
        client = links.new_client(c, house.bridge.site.now())
        key = links.PersonKey("agency", "K-2")
        links.add_link(c, house.bridge.site.now(), client, key, "review", {"systems": ["urn:casebridge:medicaid-id"]})


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on a desk's screen; whatever the browser complains about fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def a_site() -> Callable[[Path], Path]:
    """Writes the site's files into a folder; the path of its casebridge.toml."""
    return site_in
