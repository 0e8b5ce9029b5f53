"""Every way out takes a Released and nothing else (promise 3). A new format, link or door is found by itself."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from casebridge import Dispatch, Doorway, Gathering, OutFile, Released, RenderContext
from casebridge.plugins import load_plugins
from casebridge.translating.own_file import own_document

REGISTRY = load_plugins()
SOURCE = Path(__file__).resolve().parents[2]
NOT_RELEASED: list[Any] = [{"family": "Moreno"}, "Moreno", b"Moreno", None, object()]


def test_there_are_exits_to_look_at() -> None:
    assert {"fhir-r4", "hmis-csv", "form", "notice", "flatfile"} <= set(REGISTRY.formats)
    assert {"fhir-rest", "folder", "sftp", "mail", "web-form"} <= set(REGISTRY.links)


@pytest.mark.parametrize("name", sorted(REGISTRY.formats))
def test_a_format_renders_released_documents_only(name: str) -> None:
    format_ = REGISTRY.formats[name]
    hints = typing.get_type_hints(format_.render, vars(inspect.getmodule(format_.render)))
    assert Released in typing.get_args(hints["records"]), f"{name}.render must take a sequence of Released"
    made = object.__new__(format_)
    for anything in NOT_RELEASED:
        with pytest.raises(Exception):  # noqa: B017, PT011  (each format fails in its own way; none may yield)
            list(made.render([anything], RenderContext("d", datetime.now(UTC))))


def test_many_records_in_one_file_are_released_documents_too() -> None:
    gathering = {name: made for name, made in REGISTRY.formats.items() if issubclass(made, Gathering)}
    assert {"fhir-r4", "hmis-csv", "hmis-csv-2024"} <= set(gathering)
    for name, format_ in gathering.items():
        hints = typing.get_type_hints(format_.gather, vars(inspect.getmodule(format_)))
        assert Released in typing.get_args(hints["records"]), f"{name}.gather must take a sequence of Released"


@pytest.mark.parametrize("name", sorted(REGISTRY.links))
def test_a_link_sends_dispatches_only(name: str) -> None:
    link = REGISTRY.links[name]
    hints = typing.get_type_hints(link.send, vars(inspect.getmodule(link)))
    assert hints["dispatch"] is Dispatch
    assert set(hints) <= {"dispatch", "key", "return"}


@pytest.mark.parametrize("anything", NOT_RELEASED)
def test_a_dispatch_cannot_be_made_of_anything_else(anything: Any) -> None:
    with pytest.raises(TypeError, match="Released"):
        Dispatch("d", "p", (OutFile("f", b"", "text/plain", (0,)),), (anything,))


def test_a_file_without_a_release_cannot_be_dispatched() -> None:
    with pytest.raises(TypeError):
        Dispatch("d", "p", (OutFile("f", b"Moreno", "text/plain"),), ())


def test_a_door_is_shown_released_documents_only() -> None:
    hints = typing.get_type_hints(Doorway.released)
    assert hints["return"] == Released | None
    for name, door in REGISTRY.doors.items():
        assert list(inspect.signature(door.router).parameters) == ["self", "doorway"], name


def test_links_are_called_from_the_flow_and_nowhere_else() -> None:
    """One place sends, one renders what is sent: everything else would pass round the decision. ``sent.py`` renders
    what was decided to compare it with what was sent before."""
    assert called_in("engine") == {"send": {"sending.py"}, "render": {"flow.py", "sent.py"}, "gather": set()}


def called_in(package: str) -> dict[str, set[str]]:
    """Where a package of the gateway renders and sends."""
    calls = {"send": set[str](), "render": set[str](), "gather": set[str]()}
    for file in (SOURCE / "src" / "casebridge" / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if node.func.attr in calls and owner.endswith(("link", "format")):
                    calls[node.func.attr].add(file.name)
    return calls


def test_what_is_converted_for_its_own_holder_goes_to_nobody() -> None:
    """``translate`` asks no rule of disclosure, because nothing is disclosed: so no dispatch may take what it made,
    and it sends nothing, opens no store and knows no partner."""
    own = own_document({"resourceType": "Patient"}, "fhir-r4/Patient")
    with pytest.raises(TypeError, match="goes to nobody"):
        Dispatch("d", "p", (OutFile("f", b"", "text/plain", (0,)),), (own,))
    assert called_in("translating") == {"send": set(), "render": {"proving.py"}, "gather": {"proving.py"}}
    used = {word for file in (SOURCE / "src/casebridge/translating").rglob("*.py")
            for word in re.findall(r"\bcasebridge\.(\w+)", file.read_text(encoding="utf-8"))}  # fmt: skip
    assert used <= {"adapter", "core", "mapping", "plugins", "registry", "translating"}


WAYS_OUT = {"smtplib", "asyncssh", "httpx2", "socket", "urllib.request", "http.client", "ftplib"}
MAY_REACH_OUT = {
    "carriers": {"smtplib", "asyncssh"},
    # mail and http.client tell that there is news, and not what
    "fhir": {"httpx2", "socket", "urllib.request", "smtplib", "http.client"},
}


def test_only_links_reach_out() -> None:
    """No other module of the gateway imports what could carry a record away (the demo plays the partners)."""
    found = []
    for file in [*(SOURCE / "src" / "casebridge").rglob("*.py"), *(SOURCE / "plugins").glob("*/casebridge_*/**/*.py")]:
        parts = file.relative_to(SOURCE).parts
        if "demo" in parts or (parts[-1] in ("server.py", "sockets.py") and "web" in parts):
            continue
        allowed = MAY_REACH_OUT.get(parts[1], set()) if parts[0] == "plugins" else set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [])  # fmt: skip
            found += [f"{file.name}: {n}" for n in names if n in WAYS_OUT - allowed]
    assert found == []
