"""Plugins: found, looked at one by one, and only the broken one is out."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from casebridge import Event
from casebridge.core.errors import SetupError
from casebridge.plugins import Registry, describe, load_plugins

LINK = '''
from casebridge import Settings, Probe, hookimpl
from pydantic import Field, SecretStr

class {cls}:
    """Hands letters to a pigeon."""
    name = "{name}"
    class Settings(Settings):
        loft: str = Field(description="where the pigeon lives")
        birds: int = 3
        password: SecretStr = SecretStr("coo")
        mood: str | None = None
    def __init__(self, settings, context): pass
    def receive(self, cursor): return iter(())
    def settle(self, payload, outcome): pass
    def send(self, dispatch, key): pass
    def find(self, dispatch, key): return None
    def probe(self): return Probe(True, "coo")
    def close(self): pass

@hookimpl
def register_links(register):
    register({cls})
'''
PIGEON = LINK.format(cls="Pigeon", name="pigeon")

# What is in the file, and what the report must say.
BROKEN = {
    "raises on import": ("raise RuntimeError('no licence')", "CB-102", "RuntimeError: no licence"),
    "leaves on import": ("import sys; sys.exit(3)", "CB-102", "SystemExit"),
    "does not parse": ("def (", "CB-102", "SyntaxError"),
    "needs what is not there": ("import pigeon_flight_7", "CB-102", "No module named 'pigeon_flight_7'"),
    "misspelt hook": (
        "from casebridge import hookimpl\n@hookimpl\ndef register_format(register): pass",
        "CB-102",
        "no hook register_format; did you mean register_formats?",
    ),
    "unmarked hook": ("def register_links(register): pass", "CB-102", "without @hookimpl"),
    "wrong arguments": (
        "from casebridge import hookimpl\n@hookimpl\ndef register_links(registry): pass",
        "CB-102",
        "{'registry'} are declared in the hookimpl",
    ),
    "raises in a hook": (PIGEON.replace("register(Pigeon)", "1/0"), "CB-102", "register_links raised ZeroDivision"),
    "an instance": (PIGEON.replace("register(Pigeon)", "register(Pigeon(1, 2))"), "CB-120", "is not a class"),
    "no name": (PIGEON.replace('name = "pigeon"', ""), "CB-120", "needs a name in small letters"),
    "a name with a capital": (PIGEON.replace('"pigeon"', '"Pigeon Post"'), "CB-120", "needs a name in small letters"),
    "no settings": (PIGEON.replace("class Settings(Settings)", "class Options"), "CB-120", "class Settings(casebridge"),
    "a missing method": (
        PIGEON.replace("def find(self, dispatch, key): return None", ""),
        "CB-120",
        "Pigeon has no method find(dispatch, key)",
    ),
    "a method with other arguments": (
        PIGEON.replace("def send(self, dispatch, key)", "def send(self, dispatch)"),
        "CB-120",
        "has send(self, dispatch); expected send(dispatch, key)",
    ),
    "inherits the empty protocol": (
        "from casebridge import Link, Settings, hookimpl\n"
        "class Pigeon(Link):\n    name = 'pigeon'\n    Settings = Settings\n    def __init__(self, s, c): pass\n"
        "@hookimpl\ndef register_links(register): register(Pigeon)",
        "CB-120",
        "Pigeon has no method receive(cursor)",
    ),
    "a format without capabilities": (
        PIGEON.replace("register_links", "register_formats")
        .replace("def receive(self, cursor)", "def identity(self, stream): pass\n    def parse(self, stream, shapes)")
        .replace("def send(self, dispatch, key)", "def render(self, records, context)"),
        "CB-120",
        "needs capabilities",
    ),
    "a converter without samples": (
        "from casebridge import Converter, hookimpl\n@hookimpl\ndef register_converters(register):\n"
        "    register(Converter('upper', str.upper, str.lower, 'lossy', ()))",
        "CB-120",
        "has no samples",
    ),
    "a map folder that is not there": (
        "from pathlib import Path\nfrom casebridge import hookimpl\n@hookimpl\n"
        "def register_maps(register): register(Path('nowhere'))",
        "CB-120",
        "is not a folder",
    ),
    "a converter with a built-in name": (
        "from casebridge import Converter, hookimpl\n@hookimpl\ndef register_converters(register):\n"
        "    register(Converter('date8', str, str, 'exact', (('a', 'a'),)))",
        "CB-122",
        'The converter "date8" is built in',
    ),
    "one name for two": (
        LINK.format(cls="Pigeon", name="bird") + "    class Raven(Pigeon): pass\n    register(Raven)",
        "CB-122",
        'registers "bird" twice',
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    before = set(sys.modules)
    place = tmp_path / "plugins"
    place.mkdir(mode=0o755)
    yield place
    for name in set(sys.modules) - before:
        if name.startswith("casebridge_one_file_"):
            del sys.modules[name]


@pytest.fixture
def load(folder: Path) -> Callable[..., Registry]:
    """Write files ``name=source`` into the folder and load everything."""

    def write_and_load(**sources: str) -> Registry:
        for name, source in sources.items():
            (folder / f"{name}.py").write_text(source)
            (folder / f"{name}.py").chmod(0o644)
        return load_plugins(folder)

    return write_and_load


def report(registry: Registry, name: str):
    (found,) = [r for r in registry.reports if r.name == name]
    return found


def test_a_one_file_plugin_gives_its_link(load):
    registry = load(pigeons=PIGEON)
    assert registry.link("pigeon").__name__ == "Pigeon"
    assert report(registry, "pigeons").links == ("pigeon",)
    assert report(registry, "pigeons").problem == ""


@pytest.mark.parametrize(("source", "code", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_out_and_the_rest_starts(load, source, code, says):
    registry = load(bad=source, good=LINK.format(cls="Raven", name="raven"))
    bad = report(registry, "bad")
    assert says in bad.problem
    assert bad.code == code
    assert bad.remedy
    assert registry.link("raven")
    assert "pigeon" not in registry.links


def test_a_file_that_failed_halfway_is_not_left_among_the_modules(load):
    load(bad="started = True\n1/0")
    assert "casebridge_one_file_bad" not in sys.modules


def test_nothing_of_a_plugin_that_is_out_stays(load):
    half = PIGEON + "\n@hookimpl\ndef register_converters(register): raise KeyError('oops')\n"
    registry = load(half=half + "\n@hookimpl\ndef on_event(event): pass\n")
    assert "pigeon" not in registry.links
    assert "half" not in registry.observers


def test_of_two_that_claim_a_name_the_first_keeps_it(load):
    registry = load(a=PIGEON, b=PIGEON)
    assert report(registry, "a").links == ("pigeon",)
    assert 'Of links, "pigeon" is already given by the plugin a' in report(registry, "b").problem
    assert report(registry, "b").code == "CB-122"


def test_a_plugin_cannot_take_the_name_of_another(load):
    registry = load(casebridge=PIGEON)
    ours, other = [r for r in registry.reports if r.name == "casebridge"]
    assert ours.problem == ""
    assert "already taken by casebridge" in other.problem


def test_a_folder_anyone_can_write_to_is_not_run(load, folder):
    folder.chmod(0o777)
    registry = load(pigeons="raise SystemExit('it ran')")
    found = report(registry, "pigeons")
    assert "Anyone on this machine can write to" in found.problem
    assert found.code == "CB-121"
    assert "chmod o-w" in found.remedy


def test_a_file_anyone_can_write_to_is_not_run(folder):
    (folder / "pigeons.py").write_text(PIGEON)
    (folder / "pigeons.py").chmod(0o666)
    assert report(load_plugins(folder), "pigeons").code == "CB-121"


def test_files_that_start_with_an_underscore_are_left_alone(load):
    assert [r for r in load(_draft="1/0").reports if r.name == "_draft"] == []


def test_the_bundled_plugins_come_in_by_entry_point(load):
    registry = load()
    assert {"casebridge", "carriers", "fhir", "flatfile", "hmis", "x12"} == {r.name for r in registry.reports}
    assert [r.name for r in registry.reports if r.problem] == []
    assert {r.source for r in registry.reports} == {"casebridge"}
    assert Path(__file__).parents[2].joinpath("mappings").samefile(registry.map_folders[0])


def test_a_missing_adapter_is_named_with_what_is_near(load):
    registry = load(pigeons=PIGEON)
    with pytest.raises(SetupError, match=r"no link \"pigoen\" \(did you mean pigeon\?\) \(CB-103\)"):
        registry.link("pigoen")


def test_a_missing_adapter_points_to_the_plugins_that_are_out(load):
    registry = load(bad="1/0")
    with pytest.raises(SetupError, match="the plugin bad is out: loading it raised ZeroDivisionError"):
        registry.door("carrier-pigeon")


OBSERVER = "from casebridge import hookimpl\nheard = []\n@hookimpl\ndef on_event(event):\n    {does}\n"


def test_an_observer_that_raises_stops_nobody(load, caplog):
    registry = load(
        a=OBSERVER.format(does="raise ValueError('Maria Lopez, 1987')"),
        b=OBSERVER.format(does="heard.append(event.name)"),
    )
    with caplog.at_level(logging.WARNING):
        for name in ("held", "applied"):
            registry.notify(Event(name, datetime.now(UTC)))
    assert sys.modules["casebridge_one_file_b"].heard == ["held", "applied"]
    assert registry.observer_failures == {"a": 2}
    assert "observer a failed on event held: ValueError" in caplog.text
    assert "Lopez" not in caplog.text


def test_each_event_is_a_line_in_the_log(load, caplog):
    with caplog.at_level(logging.INFO, "casebridge.events"):
        load().notify(Event("held", datetime.now(UTC), message="01JT", partner="mercy", stop="apply", code="CB-306"))
    assert caplog.messages == ["held mercy 01JT apply CB-306"]


def test_describe_says_what_can_be_set_and_hides_secrets(load):
    (shown,) = describe(load(pigeons=PIGEON), "pigeon")
    (link,) = shown["links"]
    assert (link["name"], link["about"]) == ("pigeon", "Hands letters to a pigeon.")
    rows = {s["name"]: (s["type"], s["required"], s["default"], s["secret"]) for s in link["settings"]}
    assert rows == {
        "loft": ("str", True, None, False),
        "birds": ("int", False, 3, False),
        "password": ("SecretStr", False, None, True),
        "mood": ("str | None", False, None, False),
    }
    assert link["settings"][0]["description"] == "where the pigeon lives"


def test_describe_is_plain_data_and_says_why_a_plugin_is_out(load):
    everything = json.loads(json.dumps(describe(load(bad="1/0"))))
    (bad,) = [p for p in everything if p["name"] == "bad"]
    assert bad["problem"] == "loading it raised ZeroDivisionError: division by zero"
    assert bad["code"] == "CB-102"


def test_describe_of_what_is_not_there(load):
    with pytest.raises(SetupError, match=r'no plugin or adapter "dove" \(installed: casebridge, carriers'):
        describe(load(), "dove")
