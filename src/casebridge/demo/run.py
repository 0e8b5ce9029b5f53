"""``casebridge demo``: set the stage, play, read the facts back from the partners, say what is so."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from casebridge.demo.facts import Fact, facts
from casebridge.demo.hospital import open_hospital
from casebridge.demo.mailbox import open_mailbox
from casebridge.demo.play import STEPS, Stage
from casebridge.demo.screen import Screen
from casebridge.demo.site import make_site
from casebridge.demo.summary import summarize


def run(*, serve: bool, keep: Path | None, hospital: str) -> int:
    """0 when every fact is so, 1 when one is not."""
    screen = Screen()
    with _folder(keep) as folder:
        site = make_site(folder, hospital)
        screen.opening(len(STEPS), folder if keep else None)
        with (
            open_hospital(folder / "hospital", site.hospital_port, hospital, site.tag) as server,
            open_mailbox(site.mail, site.mail_port) as mailbox,
            Stage(site, server, mailbox) as stage,
        ):
            for number, (title, step) in enumerate(STEPS, 1):
                screen.step(number, title)
                screen.said(step(stage))
            found = list(facts(stage))
            screen.summary(summarize(stage), found)
            if serve:
                _stay(screen, stage)
        return _verdict(found)


def _verdict(found: list[Fact]) -> int:
    return 0 if all(fact.holds for fact in found) else 1


def _stay(screen: Screen, stage: Stage) -> None:
    screen.stay(stage.console_url)
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
