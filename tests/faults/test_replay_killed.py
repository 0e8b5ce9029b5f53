"""A replay killed with SIGKILL in the middle, again and again, while a worker takes up what it sets off: resumed, it
comes to its end, and nobody gets anything more than once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from posting import LINK, Agency, agency, fill, posting_site
from programs import QUIET, Program, ran
from sites import TestSite
from sqlalchemy import text
from workers import SEED, at_work, comes_true, finished

REFERRALS = 400
KEYED = LINK.replace("class Post:", "class Post:\n    keyed = True")
NEWS = '[partner.hospital]\ncontact = "555-0100"'  # stands in every referral: each is told to the agency anew


@pytest.fixture
def receiver() -> Iterator[Agency]:
    with agency() as known:
        yield known


def delivered(folder: Path, store_url: str, receiver: Agency, referrals: int) -> TestSite:
    """A site that has sent all its referrals, and has news for each."""
    site = posting_site(folder, store_url, receiver, "\n[web]\npoll_seconds = 0.5\n")
    (folder / "plugins" / "post_link.py").write_text(KEYED)
    site.reopen_with_same_settings()
    fill(folder, referrals, 20)
    site.work()
    assert set(receiver.keys.values()) == {1}
    config = folder / "casebridge.toml"
    config.write_text(config.read_text().replace("[partner.hospital]", NEWS))
    site.reopen_with_same_settings()
    return site


def replayed(site: TestSite) -> int:
    """How many messages the replay has set off."""
    with site.bridge.site.store.read() as c:
        return int(c.execute(text("SELECT count(*) FROM event WHERE name = 'replayed'")).scalar_one())


def replay_killed(site: TestSite, referrals: int, kills: int) -> None:
    """Begun, killed, resumed, killed ...; then resumed to its end."""
    chance, config = random.Random(SEED), ("-c", site.folder / "casebridge.toml")
    what = ("--partner", "agency", "--done", "--from", "prepare", "--yes", referrals, "--why", "a number was mended")
    for number in range(kills):
        done = replayed(site)
        until = done + chance.randint(1, (referrals - done) // 3)
        said = what if number == 0 else ("--resume",)
        process = Program("held", "replay", *said, *config, stdout=QUIET, stderr=QUIET)
        assert comes_true(lambda until=until: replayed(site) >= until, 60, 0.002)  # type: ignore[misc]
        process.kill()
        assert process.wait(60) == -9
    code, _, said = ran("held", "replay", "--resume", *config)
    assert (code, said) == (0, "")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_replay_killed_again_and_again_doubles_nothing(tmp_path: Path, store_url: str, receiver: Agency) -> None:
    print(f"CASEBRIDGE_SEED={SEED}")  # noqa: T201
    site = delivered(tmp_path / "site", store_url, receiver, REFERRALS)
    with at_work(site, 1):
        replay_killed(site, REFERRALS, kills=5)
        assert comes_true(lambda: finished(site))
    assert {m.state for m in site.messages()} == {"done"}
    assert set(receiver.keys) == {m.id for m in site.messages(direction="out")}
    assert set(receiver.keys.values()) == {2}  # once before, once with the news
    assert len(site.noted("replay-ended")) == 1
    site.bridge.close()
