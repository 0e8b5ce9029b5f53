"""Whatever happens in a folder, in whatever order: what was put in is read, and is somewhere exactly once."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path

from casebridge_carriers.folder import FolderLink
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from casebridge import Outcome, Payload
from casebridge.testing import a_context

NAMES = st.sampled_from(["834.txt", "835.txt", "834.1.txt"])


class Folder(RuleBasedStateMachine):
    """The partner puts files in; we read, settle late or twice, and crash between any two steps of a move."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.put: list[bytes] = []
        self.committed: set[bytes] = set()
        self.unsettled: list[tuple[str, str]] = []
        self.restart()

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @rule()
    def restart(self) -> None:
        self.link = FolderLink(FolderLink.Settings(folder=".", quiet_seconds=0), a_context(base_dir=str(self.root)))
        assert self.link.probe().ok

    @rule(name=NAMES)
    def the_partner_puts_a_file(self, name: str) -> None:
        target = self.root / "in" / name
        if target.exists():  # a partner that overwrites its own file takes the old one back
            self.put.remove(target.read_bytes())
        content = f"content {len(self.put)} {os.urandom(4).hex()}".encode()
        temporary = target.with_suffix(".tmp")
        temporary.write_bytes(content)
        temporary.replace(target)
        self.put.append(content)

    @rule(settle=st.booleans())
    def we_read(self, settle: bool) -> None:
        for payload in self.link.receive(None):
            content = payload.stream.read()
            duplicate = content in self.committed
            self.committed.add(content)
            if settle:
                self.link.settle(payload, Outcome("duplicate" if duplicate else "accepted"))
            else:
                self.unsettled.append((payload.name, payload.token))

    @rule(state=st.sampled_from(["accepted", "held"]), again=st.booleans())
    def we_settle_late(self, state: str, again: bool) -> None:
        for name, token in self.unsettled:
            self.link.settle(Payload(name, io.BytesIO(), token=token), Outcome(state))  # type: ignore[arg-type]
        if not again:
            self.unsettled.clear()

    @rule(name=NAMES)
    def we_crash_in_the_middle_of_a_move(self, name: str) -> None:
        self.link.inbox.put_back()  # as every move begins
        path = self.root / "in" / name
        if path.exists():
            path.rename(self.root / "in" / f".settling.{name}")
            self.restart()

    @invariant()
    def every_file_is_somewhere_once(self) -> None:
        found = [p.read_bytes() for part in ("in", "done", "held") for p in (self.root / part).iterdir()]
        assert sorted(found) == sorted(self.put)

    @invariant()
    def nothing_is_settled_unread(self) -> None:
        settled = [p.read_bytes() for part in ("done", "held") for p in (self.root / part).iterdir()]
        assert set(settled) <= self.committed


TestFolder = Folder.TestCase
TestFolder.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
