"""The compose file and the image, as files: what must be in them, and what must not. (No engine runs them here.)"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from casebridge.cli import app
from casebridge.ending import LONGEST

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("gateway", "worker")


def test_a_database_a_gateway_and_any_number_of_workers() -> None:
    assert set(SERVICES) == {"db", "gateway", "worker"}
    assert SERVICES["worker"]["deploy"]["replicas"] >= 2
    # a name of its own or a published port could be had by one worker only
    assert not {"container_name", "ports"} & set(SERVICES["worker"])


@pytest.mark.parametrize("name", OURS)
def test_what_runs_is_a_command_of_ours_in_the_one_image(name: str) -> None:
    (command,) = SERVICES[name]["command"]
    assert command in {one.callback.__name__ for one in app.registered_commands if one.callback}
    assert SERVICES[name]["build"] == "."
    assert 'ENTRYPOINT ["casebridge"]' in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_gateway_is_healthy_when_it_is_ready_and_the_workers_wait_for_it() -> None:
    check = SERVICES["gateway"]["healthcheck"]["test"]
    assert "/ready" in check[-1]
    compile(check[-1], "healthcheck", "exec")
    assert SERVICES["db"]["healthcheck"]["test"][1] == "pg_isready"
    assert {s: d["condition"] for s, d in SERVICES["worker"]["depends_on"].items()} == {
        "db": "service_healthy", "gateway": "service_healthy"}  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_there_is_time_to_end_in_order(name: str) -> None:
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > LONGEST
    assert SERVICES[name]["init"]


@pytest.mark.parametrize("name", OURS)
def test_it_may_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in service["security_opt"]
    assert re.search(r"^USER casebridge$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)


def test_what_must_last_is_on_a_volume() -> None:
    assert SERVICES["db"]["volumes"] == ["books:/var/lib/postgresql/data"]
    assert "books" in COMPOSE["volumes"]
    assert all(SERVICES[name]["volumes"] == ["./site:/site"] for name in OURS)


def test_nothing_is_reachable_from_outside() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_secrets_are_files_outside_and_nothing_secret_is_inside() -> None:
    used = {secret for service in SERVICES.values() for secret in service["secrets"]}
    assert used == set(COMPOSE["secrets"])
    for secret in COMPOSE["secrets"].values():
        assert set(secret) == {"file"}
        assert secret["file"].startswith("./site/secrets/")
    told = {k: v for service in SERVICES.values() for k, v in service.get("environment", {}).items()}
    assert {k for k, v in told.items() if not v.startswith("/run/secrets/")} == {"POSTGRES_DB", "POSTGRES_USER"}
    for name in ("docker-compose.yml", "Dockerfile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"[0-9a-f]{32}|://[^\s/@]+:[^\s/@]+@|(?i:password|token|secret)\s*=\s*\S", text)


def test_the_folder_of_a_site_never_goes_into_the_image() -> None:
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {"site", ".git", ".venv"} <= set(left_out)
