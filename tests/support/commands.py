"""The command line, in this process: what it prints, and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from casebridge.cli import main
from casebridge.cli.printing import err, out

Command = Callable[..., tuple[int, str]]


def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> Command:
    """Runs ``casebridge ARGUMENTS`` in ``folder``; (exit code, all that was printed in one line)."""
    monkeypatch.chdir(folder)
    for console in (out, err):  # made when the program was first imported, as wide as the screen was then
        monkeypatch.setattr(console, "_width", 200)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["casebridge", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), " ".join((said.out + said.err).split())

    return run
