"""What a person sees while the demo plays."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from casebridge.demo.fact import Fact
from casebridge.demo.summary import Summary

CAST = (
    ("Rosa", "food", "Riverside Food Bank", "light: it has no system; a link by e-mail, a page with buttons"),
    ("June", "rides", "Riverside Rides", "indirect: it has a FHIR server; copies there, the answer back"),
    ("Sam", "heating", "Northside Energy Aid", "direct: it has a CaseBridge; Mercy signs in at its FHIR door"),
    ("Marcus", "a bed", "the community's HMIS", "by file: an event in the morning's export"),
)


class Screen:
    """Who plays, steps as they happen, then the summary."""

    def __init__(self, steps: int) -> None:
        self.out = Console(highlight=False, soft_wrap=True)
        self.steps = steps
        self.began = time.monotonic()

    def opening(self, folder: Path | None) -> None:
        """Who needs what, who helps, and by which way the referral goes."""
        self.out.print("[bold]CaseBridge demo[/bold]: four people leave Mercy Hospital, each referral by another way; "
                       "every answer comes back.")  # fmt: skip
        for name, need, helper, way in CAST:
            self.out.print(f"  [bold]{name:<6}[/bold]  {need:<7}  {helper:<20}  {way}")
        self.out.print(f"Everything is kept in {folder}" if folder else "Everything happens in a temporary folder")

    def step(self, number: int, title: str) -> None:
        """A step begins."""
        self.out.print(f"[bold cyan][{number}/{self.steps}][/bold cyan] [bold]{escape(title)}[/bold] …")

    def said(self, text: str) -> None:
        """What came of it."""
        self.out.print(f"      {escape(text)}")

    def summary(self, summary: Summary, facts: list[Fact]) -> None:
        """The facts; then what crossed, what was withheld and why, what had no room, what is held."""
        self.out.print("\n[bold]Read back from the partners[/bold]")
        for fact in facts:
            mark = "[green]✓[/green]" if fact.holds else "[bold red]✗ NOT SO:[/bold red]"
            self.out.print(f"  {mark} {escape(fact.text)} [dim]({escape(fact.where)})[/dim]")
        for title, lines in (
            ("What crossed the network", summary.crossed),
            ("What was withheld, and why", summary.withheld),
            ("What had no room", summary.no_room),
            ("What is held", summary.held or ["nothing"]),
        ):
            self.out.print(f"\n[bold]{title}[/bold]")
            for line in lines:
                self.out.print(f"  · {escape(line)}")
        self.out.print(f"\n{len(facts)} facts, {sum(not f.holds for f in facts)} not so; "
                       f"{time.monotonic() - self.began:.0f} seconds.")  # fmt: skip

    def stay(self, console: str, energy: str) -> None:
        """The consoles stay open."""
        self.out.print(f"\nThe network's console is open: [bold]{console}[/bold]  Northside Energy Aid's own: {energy}"
                       "\nCtrl-C ends the demo.")  # fmt: skip
