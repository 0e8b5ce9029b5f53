"""Text a partner chooses reaches neither Rich's markup nor the terminal; the books are nobody else's to read."""

from __future__ import annotations

import stat

import pytest
from click.testing import Result
from sites import TestSite, bundle, order, patient, task
from typer.testing import CliRunner

from casebridge.cli import app, printing
from casebridge.core.errors import mask


def held_list(site: TestSite) -> Result:
    """``casebridge held list`` on a wide terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(printing.out, "_width", 250)
        return CliRunner().invoke(app, ["held", "list", "-c", f"{site.folder}/casebridge.toml"])


@pytest.mark.parametrize("hostile", ["[/a]", "[red]", "\x1b[2J", "\x1b]0;x\x07", "a\u202eb"])
def test_the_held_list_survives_what_a_partner_writes(site: TestSite, hostile: str) -> None:
    site.drop("hospital", "1.json", bundle(task(status=hostile), order(), patient()))
    found = held_list(site)
    assert found.exit_code == 0, found.exception
    assert "CB-205" in found.output
    assert not set(found.output) & set("\x1b\x07\u202e")


def test_the_list_keeps_the_name_of_the_field(site: TestSite) -> None:
    site.drop("hospital", "1.json", bundle(task(restriction={"period": {"end": "soon"}}), order(), patient()))
    found = held_list(site)
    assert "[referral.needed_by]" in found.output


def test_a_shape_shows_no_control_characters() -> None:
    assert mask("Ab\x1b[2J\u202e9") == "Aa·[9A·9"


def test_only_its_owner_can_read_the_store(site: TestSite) -> None:
    files = [f for f in site.folder.glob("casebridge.db*") if not f.name.endswith(".lock")]
    assert files
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
