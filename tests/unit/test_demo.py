"""What the demo is made of, without its servers: the folder it plays in, and how it reads its facts."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from casebridge.config import read_config
from casebridge.core.errors import SetupError
from casebridge.demo.fact import outputs, reference, runs
from casebridge.demo.facts import PERSONAL, words
from casebridge.demo.site import make_site


def test_a_folder_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"hospital_port": 1, "mail_port": 2}')
    with pytest.raises(SetupError, match="left by another version of the demo") as refused:
        make_site(tmp_path, "")
    assert refused.value.code == "CB-101"


def test_started_again_it_finds_the_same_ports_and_both_sites(tmp_path: Path) -> None:
    first, second = make_site(tmp_path, ""), make_site(tmp_path, "")
    assert (first, first.tag) == (second, "")
    network, energy = read_config(first.network), read_config(first.energy)
    assert network.partner["rides"].settings["base_url"] == first.fhir("rides")
    assert energy.partner["mercy"].door_settings["base_url"] == first.fhir("energy")
    assert "@" not in first.energy.read_text().replace("@energy.example", "")


def test_at_anothers_server_every_demo_has_ids_of_its_own(tmp_path: Path) -> None:
    here, there = (make_site(tmp_path / name, "http://127.0.0.1:1/fhir") for name in ("here", "there"))
    assert here.tag != there.tag
    assert f'owner = "Organization/casebridge{here.tag}"' in here.network.read_text()


@pytest.mark.parametrize(("versions", "states"), [
    ([], []),
    (["requested"], ["requested"]),
    (["completed", "accepted", "accepted", "requested"], ["requested", "accepted", "completed"]),
    (["accepted", "requested", "accepted"], ["accepted", "requested", "accepted"]),
])  # fmt: skip
def test_the_states_a_task_went_through(versions: list[str], states: list[str]) -> None:
    assert runs([{"status": status} for status in versions]) == states


def test_what_a_task_says() -> None:
    ours = {"system": "urn:casebridge:referral", "value": "01A"}
    task = {"identifier": [{"system": "x", "value": "y"}, ours],
            "output": [{"valueString": "done"}, {"valueReference": {"reference": "Procedure/1"}}]}  # fmt: skip
    assert (reference(task), outputs(task)) == ("01A", ["Procedure/1"])
    assert (reference({}), outputs({}), outputs(None)) == ("", [], [])


@pytest.mark.parametrize(("text", "found"), [
    ("A referral for Rosa", {"rosa"}), ("About food-insecurity", {"food"}), ("Samples", set()),
    ("http://127.0.0.1:1/web-form/x-Sam_rosa-y", set()), ("It is Sam's", {"sam"}),
])  # fmt: skip
def test_a_name_in_an_e_mail_is_found_and_a_key_is_not_one(text: str, found: set[str]) -> None:
    message = EmailMessage()
    message["Subject"] = "A referral is waiting"
    message.set_content(text)
    assert PERSONAL & words(message) == found
