"""Plugins that are broken, misspelt or hostile: each is out or its records are held, and everything else works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from books import assert_helpful, only_held
from commands import command_line
from sites import TestSite, bundle, food_referral, order, patient, task

BROKEN = {
    "raises": ("import nothing_like_this\n", "nothing_like_this"),
    "leaves": ("raise SystemExit(1)\n", "SystemExit"),
    "misspelt": ("from casebridge import hookimpl\n@hookimpl\ndef register_formts(register):\n    register(1)\n",
                 "did you mean register_formats?"),
    "unmarked": ("def register_formats(register):\n    register(1)\n", "without @hookimpl"),
    "greedy": ("from casebridge import hookimpl\n@hookimpl\ndef register_formats(register, everything):\n    pass\n",
               "wrong arguments"),
    "no_format": ("from casebridge import hookimpl\n@hookimpl\ndef register_formats(register):\n    register(int)\n",
                  ""),
    "not_python": ("def (:\n", "SyntaxError"),
}  # fmt: skip
STRANGER = '''
from casebridge import Native, Settings, hookimpl
from casebridge.core.errors import Position

class Strange:
    name = "strange"
    capabilities = frozenset({{"identity", "parse", "render"{more}}})
    Settings = Settings
    def __init__(self, settings, context): ...
    def identity(self, stream):
        {identity}
        return None
    def parse(self, stream, shapes):
        yield Native("fhir-r4/Basic", {{}}, Position(row=1), "Basic/1")
        {parse}
    def render(self, records, context):
        yield from ()
    def screen(self, stream, out):
        {screen}
        return False

@hookimpl
def register_formats(register):
    register(Strange)
'''
BOOM = 'raise RuntimeError("Ada Moreno 899611001")'
PARTNER = """
[partner.stranger]
role = "cbo"
carrier = "folder"
format = "strange"
maps = "sdohcc"
settings = { folder = "stranger", quiet_seconds = 0 }
"""


def put_plugin(folder: Path, name: str, text: str) -> None:
    (folder / "plugins").mkdir(parents=True, exist_ok=True)
    (folder / "plugins" / f"{name}.py").write_text(text)
    (folder / "plugins").chmod(0o755)


def test_broken_plugins_are_named_with_their_remedy_and_the_bridge_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (text, _) in BROKEN.items():
        put_plugin(tmp_path, name, text)
    site = TestSite(tmp_path)
    site.drop("hospital", "a.json", food_referral())
    assert len(site.out("agency")) == 1
    site.bridge.close()
    casebridge = command_line(monkeypatch, capsys, tmp_path)
    ended, said = casebridge("adapters")
    assert ended == 0
    for name, (_, reason) in BROKEN.items():
        about = said.partition(f" {name} ")[2].partition(f"{name}.py")[2][:400]
        assert about.lstrip().startswith("out: "), f"{name}: {said}"
        assert reason in about
        assert "CB-1" in about
    ended, said = casebridge("check")
    assert (ended, "plugin misspelt:" in said) == (1, True), "a broken plugin is a thing to mend"


STAGES = ["identity", "parse", "screen"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_format_that_raises_holds_its_own_payload_only_and_never_quotes_it(
    tmp_path: Path, make_site: Callable[..., TestSite], stage: str
) -> None:
    raising = {name: BOOM if name == stage else "pass" for name in STAGES}
    more = ', "screen"' if stage == "screen" else ""
    folder = tmp_path / "site0"
    put_plugin(folder, "strange", STRANGER.format(more=more, **raising))
    site = make_site(more=PARTNER)
    (folder / "stranger").mkdir()
    site.drop("stranger", "one.txt", "Ada Moreno 899611001")
    site.drop("hospital", "a.json", food_referral())
    assert len(site.out("agency")) == 1, "the other partners go on"
    kept = [f.name for part in ("done", "held") for f in (folder / "stranger" / part).iterdir()]
    assert kept == ["one.txt"], "it is not read again for ever"
    if stage == "identity":
        assert site.held() == [], "without a key of its own it is still a payload"
    else:
        assert_helpful(only_held(site), "CB-901", "developer", "RuntimeError", hides=("Ada", "Moreno", "899611001"))


LINK = '''
from casebridge import Outcome, Payload, Probe, Receipt, Settings, hookimpl
import io

class Stray:
    name = "stray"
    Settings = Settings
    def __init__(self, settings, context):
        self.sent = 0
    def receive(self, cursor):
        {receive}
        yield Payload("a.json", io.BytesIO(b"{{}}"), token="a")
    def settle(self, payload, outcome):
        {settle}
    def send(self, dispatch, key):
        self.sent += 1
        {send}
        return Receipt("sent")
    def find(self, dispatch, key):
        return None
    def probe(self):
        return Probe(True, "")
    def close(self):
        pass

@hookimpl
def register_links(register):
    register(Stray)

@hookimpl
def on_event(event):
    raise RuntimeError("Ada Moreno 899611001")
'''
COURIER = """
[partner.courier]
role = "cbo"
carrier = "stray"
format = "form"
maps = "web-form"
agreements = [{ kind = "BAA", until = 2099-12-31 }]

[[route]]
when = { kind = "referral", domain = "transportation-insecurity" }
to = "courier"
"""


@pytest.mark.parametrize("stage", ["receive", "settle", "send"])
def test_a_link_and_an_observer_that_raise_stop_nobody_else(
    tmp_path: Path, make_site: Callable[..., TestSite], caplog: pytest.LogCaptureFixture, stage: str
) -> None:
    raising = {name: BOOM if name == stage else "pass" for name in ("receive", "settle", "send")}
    put_plugin(tmp_path / "site0", "stray", LINK.format(**raising))
    site = make_site(more=COURIER)
    ride = bundle(task(), order("transportation-insecurity", "ride"), patient())
    site.drop("hospital", "a.json", ride)
    site.drop("hospital", "b.json", bundle(
        task(id_="t2") | {"focus": {"reference": "ServiceRequest/s2"}}, order() | {"id": "s2"}, patient()))  # fmt: skip
    assert len(site.out("agency")) == 1, "the other partners go on"
    sent = site.messages(direction="out", partner="courier")
    if stage == "send":
        (held,) = [m for m in site.held() if m.partner == "courier" and m.direction == "out"]
        assert_helpful(held, "CB-901", "developer", "RuntimeError", hides=("Ada", "Moreno", "899611001"))
    else:
        assert [m.state for m in sent] == ["done"]
        assert "CB-901" in site.bridge.lanes.problems["courier"]
    for name in ("Ada", "Moreno", "899611001"):
        assert name not in caplog.text + str(site.bridge.lanes.problems)
