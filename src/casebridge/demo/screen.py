"""What a person sees while the demo plays."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from casebridge.demo.facts import Fact
from casebridge.demo.summary import Summary


class Screen:
    """Steps as they happen, then the summary."""

    def __init__(self) -> None:
        self.out = Console(highlight=False, soft_wrap=True)
        self.steps = 0
        self.began = time.monotonic()

    def opening(self, steps: int, folder: Path | None) -> None:
        """What is being set up."""
        self.steps = steps
        self.out.print("[bold]CaseBridge demo[/bold]: a hospital's real FHIR server, an HMIS, a state, a food bank")
        self.out.print(f"Everything is kept in {folder}" if folder else "Everything happens in a temporary folder")

    def step(self, number: int, title: str) -> None:
        """A step begins."""
        self.out.print(f"\n[bold cyan][{number}/{self.steps}][/bold cyan] [bold]{escape(title)}[/bold] …")

    def said(self, text: str) -> None:
        """What came of it."""
        self.out.print(f"      {escape(text)}")

    def summary(self, summary: Summary, facts: list[Fact]) -> None:
        """What crossed, what was withheld and why, what had no room, what is held; then the facts."""
        for title, lines in (
            ("What crossed", summary.crossed),
            ("What was withheld, and why", summary.withheld),
            ("What had no room", summary.no_room),
            ("What is held", summary.held or ["nothing"]),
        ):
            self.out.print(f"\n[bold]{title}[/bold]")
            for line in lines:
                self.out.print(f"  · {escape(line)}")
        self.out.print("\n[bold]Read back from the partners[/bold]")
        for fact in facts:
            mark = "[green]✓[/green]" if fact.holds else "[bold red]✗ NOT SO:[/bold red]"
            self.out.print(f"  {mark} {escape(fact.text)} [dim]({escape(fact.where)})[/dim]")
        self.out.print(f"\n{len(facts)} facts, {sum(not f.holds for f in facts)} not so; "
                       f"{time.monotonic() - self.began:.0f} seconds.")  # fmt: skip

    def stay(self, console_url: str) -> None:
        """The console stays open."""
        self.out.print(f"\nThe console is open: [bold]{console_url}[/bold]  (Ctrl-C ends the demo)")
