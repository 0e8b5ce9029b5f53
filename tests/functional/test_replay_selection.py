"""Replay of a selection: what is taken up, the count that is confirmed, and a replay that was broken off."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commands import Command, command_line
from replaying import PATIENT, WITH_NAMES, write_map
from sites import TestSite, food_referral

from casebridge.core.errors import Held
from casebridge.engine import replay, sealing, verifying
from casebridge.engine.again import Wish
from casebridge.store import replays
from casebridge.store.replays import Selection

WISH = Wish(by="Kim", again=True)


def day(site: TestSite, number: int) -> None:
    """A referral of its own comes and is delivered on that day of March."""
    site.bridge.site.clock = lambda: datetime(2026, 3, number, 12, tzinfo=UTC)
    text = json.dumps(food_referral()).replace("t1", f"t{number}").replace("s1", f"s{number}")
    site.drop("hospital", f"t{number}.json", text)


CHOSEN = [
    ("everything that went out", {"direction": "out"}, [1, 2, 3]),
    ("since a moment", {"direction": "out", "since": "2026-03-02"}, [2, 3]),
    ("until a moment, which is not in it", {"direction": "out", "until": "2026-03-02"}, [1]),
    ("a partner", {"partner": "agency"}, [1, 2, 3]),
    ("a kind", {"kind": "fhir-r4/Task"}, [1, 2, 3]),
    ("a stop", {"stop": "deliver", "since": "2026-03-03"}, [3]),
    ("a code nothing is held with", {"code": "CB-205"}, []),
    ("only what is held", {"done": False}, []),
]


def test_a_selection_takes_up_what_it_names_and_no_file_as_a_whole(site: TestSite) -> None:
    for number in (1, 2, 3):
        day(site, number)
    for about, chosen, days in CHOSEN:
        with site.bridge.site.store.read() as c:
            found = replays.page(c, Selection(**{"done": True, **chosen}), 0, 10_000, 100)
        assert ([int(m.created_at[8:10]) for m in found], about) == (days, about)
        assert "payload" not in {m.kind for m in found}


def test_another_count_than_the_confirmed_one_begins_nothing(site: TestSite) -> None:
    day(site, 1)
    with pytest.raises(Held, match="takes up 1 messages, not 7") as refused:
        replay.begin(site.bridge.site, Selection(partner="agency", done=True), WISH, 7)
    assert refused.value.code == "CB-533"
    assert (replay.unfinished(site.bridge.site), site.noted("replay")) == (None, [])


def test_a_replay_that_was_broken_off_goes_on_where_it_was(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        day(site, number)
    monkeypatch.setattr(replay, "PAGE", 1)
    run = replay.begin(site.bridge.site, Selection(partner="agency", done=True), WISH, 3)

    def cut(message: object, state: str, error: object, done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay.go(site.bridge.site, run, cut)
    with pytest.raises(Held, match="CB-534"):
        replay.begin(site.bridge.site, Selection(), WISH, None)
    left = replay.unfinished(site.bridge.site)
    assert left is not None
    seen: list[int] = []
    result = replay.go(site.bridge.site, left, lambda message, state, error, done: seen.append(message.seq))
    assert (result.going, len(seen)) == (2, 1)  # the second had been set off when it was cut: it waits already
    assert len(site.noted("replayed")) == 3
    assert replay.unfinished(site.bridge.site) is None
    site.work()
    assert len(site.out("agency")) == 3


def findings(site: TestSite) -> list[object]:
    """What ``casebridge ledger verify`` names."""
    sealing.seal(site.bridge.site)
    return list(verifying.verify(site.bridge.site).findings.named)


def test_the_ledger_and_the_book_agree_while_a_delivered_message_is_on_its_way_again(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 32)
    site = TestSite(tmp_path, more=f'\n[ledger]\nkey = "file:{tmp_path / "key"}"\n')
    day(site, 1)
    site.answer(site.referral().id, "accept")
    site.bridge.site.clock = lambda: datetime(2026, 3, 2, 12, tzinfo=UTC)
    (tmp_path / "agency").rename(tmp_path / "away")
    chosen = Selection(partner="agency", direction="out", done=True)
    replay.go(site.bridge.site, replay.begin(site.bridge.site, chosen, WISH, None))
    site.work()
    assert [d["delivered_at"] for d in site.disclosures(recipient="agency")] == ["2026-03-01T12:00:00.000000Z", None]
    assert findings(site) == []
    (tmp_path / "away").rename(tmp_path / "agency")
    site.bridge.site.clock = lambda: datetime(2026, 3, 2, 13, tzinfo=UTC)
    site.work()
    assert None not in [d["delivered_at"] for d in site.disclosures(recipient="agency")][-1:]
    assert findings(site) == []
    site.bridge.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """The command line, at a site whose map of patients was mended after a referral went out."""
    write_map(tmp_path, PATIENT)
    site = TestSite(tmp_path)
    site.drop("hospital", "t1.json", food_referral())
    site.bridge.close()
    write_map(tmp_path, WITH_NAMES)
    return command_line(monkeypatch, capsys, tmp_path)


PATIENTS = ("held", "replay", "--kind", "fhir-r4/Patient", "--done")


def test_the_dry_run_names_places_and_never_values(run: Command) -> None:
    ended, said = run(*PATIENTS, "--again", "--dry-run")
    assert (ended, "added names" in said, "Moreno" in said) == (0, True, False)
    assert "1 message" in said
    ended, said = run(*PATIENTS, "--again", "--dry-run", "--json")
    assert (ended, "Moreno" in said) == (0, False)
    assert json.loads(said)["would"] == {"read": 1, "changed": 1}


REFUSED = [
    ((*PATIENTS, "--dry-run", "--values"), 3, "only on a terminal"),
    (PATIENTS, 3, "--why"),
    ((*PATIENTS, "--why", "a new map"), 7, "--yes 1"),
    ((*PATIENTS, "--why", "a new map", "--yes", "2"), 7, "CB-533"),
    (("held", "replay"), 3, "say which"),
    (("held", "replay", "--since", "last week"), 3, "is no time"),
    (("held", "replay", "--partner", "agency", "--from", "deliver"), 3, "is no stop"),
    (("held", "replay", "--resume"), 7, "no replay was broken off"),
]


def test_what_is_not_clear_is_refused_with_what_to_write(run: Command) -> None:
    for arguments, code, words in REFUSED:
        ended, said = run(*arguments)
        assert (ended, words in said, arguments) == (code, True, arguments)
        assert "maps and the settings" not in said, "the remedy is for this command, not for another"


def test_a_confirmed_replay_is_on_the_books_with_who_and_why(run: Command, tmp_path: Path) -> None:
    ended, said = run(*PATIENTS, "--why", "a new map", "--yes", "1", "--again")
    assert (ended, ": waiting" in said) == (0, True)
    site = TestSite(tmp_path)
    site.work()
    (asked,), (ended_,) = site.noted("replay"), site.noted("replay-ended")
    assert (asked["facts"]["why"], asked["facts"]["messages"], ended_["facts"]["going"]) == ("a new map", 1, 1)
    assert asked["facts"]["selection"] == {"kind": "fhir-r4/Patient", "done": True, "held": True}
    assert len(site.out("agency")) == 2
    site.bridge.close()
