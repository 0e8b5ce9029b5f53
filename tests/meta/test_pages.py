"""Pages people read: links lead somewhere, and commands that are named exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from casebridge.cli import app

PAGES = sorted(p for p in Path(__file__).parents[2].rglob("*.md") if not {".venv", "node_modules"} & set(p.parts))
LINK = re.compile(r"\[[^\]]+\]\((?!https?:|mailto:|#)([^)#\s]+)")


def page_name(path: Path) -> str:
    return str(path.relative_to(Path(__file__).parents[2]))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def commands() -> set[str]:
    """Every command and group, with its own commands: ``held``, ``held replay``."""
    top = typer.main.get_command(app)
    found = set()
    for name, command in top.commands.items():  # type: ignore[attr-defined]
        found |= {name} | {f"{name} {inner}" for inner in getattr(command, "commands", {})}
    return found


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_exist(page):
    named = set(re.findall(r"`casebridge ([a-z-]+)", page.read_text(encoding="utf-8")))
    assert named - {name.split()[0] for name in commands()} == set()
