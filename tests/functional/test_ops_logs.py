"""Logs: JSON lines with what belongs together, and nothing of any person."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sites import TestSite, bundle, food_referral, order, patient, task

from casebridge import logs

NAME, PHONE, SSN, NOTE = "Zebulonmark", "555-0977", "899617777", "Insulinmark every evening"
PEOPLE = (NAME, PHONE, SSN, "899-61-7777", "Insulinmark", "1931-07-09")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, all of it; afterwards logging is as it was."""
    root, ours = logging.getLogger(), logging.getLogger(logs.OURS)
    before = (root.handlers[:], root.level, ours.level, logging.getLogger(logs.EVENTS).level)
    stream = io.StringIO()
    logs.start("debug", stream)
    yield stream
    root.handlers[:], level, our_level, event_level = before
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.getLogger(logs.EVENTS).setLevel(event_level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def person(id_: str, **more: Any) -> dict[str, Any]:
    told = [{"system": "phone", "value": PHONE}]
    named = [{"use": "official", "family": NAME, "given": [NAME]}]
    return patient(id_, SSN, name=named, telecom=told, **more)


def test_a_referral_all_the_way_leaves_nothing_of_the_person_in_the_logs(site: TestSite, written: io.StringIO) -> None:
    mark = order(note=[{"text": NOTE}])
    site.drop("hospital", "a.json", bundle(task(), mark, person("p1", birthDate="1931-07-09")))
    site.answer(site.referral().id, "accept", note=NOTE)
    site.answer(site.referral().id, "complete", note=NOTE)
    bad = bundle(task(id_="t2", person="p2") | {"focus": {"reference": "ServiceRequest/s2"}},
                 mark | {"id": "s2", "subject": {"reference": "Patient/p2"}}, person("p2", birthDate=NAME))  # fmt: skip
    site.drop("hospital", f"{NAME}.json", bad)
    site.drop("hospital", "cut.json", f'{{"resourceType": "Patient", "name": "{NAME}')
    site.drop("state", "834.txt", f"ISA*00*{NAME}~NM1*IL*1*{NAME}~")
    assert site.held()
    said = lines(written)
    assert {line["event"].split()[0] for line in said} >= {"applied", "held", "payload"}
    assert [line for line in written.getvalue().splitlines() if any(mark in line for mark in PEOPLE)] == []


def test_a_line_names_lane_message_and_stop(site: TestSite, written: io.StringIO) -> None:
    site.drop("hospital", "a.json", food_referral())
    applied = [line for line in lines(written) if line["event"].startswith("applied")]
    assert applied
    for line in applied:
        assert line["lane"] == "apply/hospital/0"
        assert (line["stop"], line["partner"], line["level"], line["logger"]) == (
            "apply", "hospital", "info", "casebridge.events")  # fmt: skip
        assert line["at"].endswith("Z")


def test_a_record_that_fails_alone_is_named_with_its_referral(site: TestSite, written: io.StringIO,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def broken(*_: Any) -> None:
        logging.getLogger("casebridge.somewhere").warning("looking")
        raise ValueError(NAME)

    monkeypatch.setattr("casebridge.engine.flow.prepare_one", broken)
    site.drop("hospital", "a.json", food_referral())
    (message,) = site.held()
    unexpected = [line for line in lines(written) if line["event"].startswith("unexpected ValueError at test_ops_logs")]
    assert unexpected
    assert NAME not in written.getvalue()
    held = [line for line in lines(written) if line["event"].startswith("held")]
    assert [(line["message"], line["correlation"], line["stop"]) for line in held] == [
        (message.id, message.correlation, "prepare")]  # fmt: skip


def test_an_exception_is_its_class_and_place(written: io.StringIO) -> None:
    try:
        raise ValueError(NAME)
    except ValueError:
        logging.getLogger("casebridge.x").exception("the map could not be read")
    (line,) = lines(written)
    assert (line["unexpected"], line["level"]) == ("ValueError", "error")
    assert line["place"].startswith("test_ops_logs.py:")
    assert NAME not in written.getvalue()


def test_of_a_librarys_line_only_the_template_is_kept(written: io.StringIO) -> None:
    other = logging.getLogger("somelibrary.http")
    other.warning("refused %s for %s", NAME, SSN)
    other.warning(f"refused {NAME}")
    other.info("not even said")
    logging.getLogger("casebridgelike").error(f"refused {NAME}")
    assert [line["event"] for line in lines(written)] == ["refused %s for %s", logs.NOT_SHOWN, logs.NOT_SHOWN]


LEVELS = [("", "bc"), ("warning", "c"), ("DEBUG", "abc"), ("loud", "bc")]


@pytest.mark.parametrize(("asked", "said"), LEVELS)
@pytest.mark.usefixtures("written")
def test_the_environment_says_how_much(monkeypatch: pytest.MonkeyPatch, asked: str, said: str) -> None:
    monkeypatch.setenv("CASEBRIDGE_LOG", asked)
    stream, log = io.StringIO(), logging.getLogger("casebridge.x")
    logs.start("info", stream)
    log.debug("a")
    log.info("b")
    log.warning("c")
    assert "".join(line["event"] for line in lines(stream)) == said


def test_on_a_terminal_it_is_text(written: io.StringIO) -> None:
    stream = io.StringIO()
    logs.start("info", stream, as_json=False)
    with logs.bound(lane="apply/mercy/0", job=""):
        logging.getLogger("casebridge.x").info("what is new")
    assert "what is new" in stream.getvalue()
    assert "lane=apply/mercy/0" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
