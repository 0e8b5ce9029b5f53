"""``casebridge demo``: set the stage, play, read the facts back from the partners, say what is so."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from casebridge.demo.facts import facts
from casebridge.demo.play import STEPS
from casebridge.demo.screen import Screen
from casebridge.demo.site import make_site
from casebridge.demo.stage import open_stage
from casebridge.demo.summary import summarize


def run(*, serve: bool, keep: Path | None, hospital: str) -> int:
    """0 when every fact is so, 1 when one is not. ``hospital``: the address of another FHIR server as Mercy's."""
    screen = Screen(len(STEPS))
    with _folder(keep) as folder:
        site = make_site(folder, hospital.rstrip("/"))
        screen.opening(folder if keep else None)
        with open_stage(site, hospital.rstrip("/")) as stage:
            for number, (title, step) in enumerate(STEPS, 1):
                screen.step(number, title)
                screen.said(step(stage))
            found = list(facts(stage))
            screen.summary(summarize(stage), found)
            if serve:
                screen.stay(stage.bridge.site.console_url, stage.energy.site.console_url)
                _stay()
    return 0 if all(fact.holds for fact in found) else 1


def _stay() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="casebridge-demo-") as folder:
        yield Path(folder)
