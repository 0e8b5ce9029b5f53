"""The map of an agency's plain client list, through the format and back."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from casebridge_flatfile.dates import DATE_US
from casebridge_flatfile.format import FlatfileFormat

from casebridge import Context, Native, RenderContext
from casebridge.mapping import Map, load_map
from casebridge.mapping.converters import with_converters
from casebridge.testing import a_release

LIST = (
    "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On,Pet\r\n"
    "K-17,Ada,Moreno,02/20/1987,900120001,555-0100,1 Main St,Riverside,NY,10001,Food pantry,01/05/2026,,cat\r\n"
    "K-18,Tobi,Abara,,,,,,,,Shelter,11/01/2025,02/01/2026,\r\n"
    "K-19,Uju,Okafor,,,,,,,,,,,\r\n"
)


@pytest.fixture
def plain_csv() -> Map:
    path = Path(__file__).resolve().parents[3] / "mappings/flatfile/plain-csv.yaml"
    return load_map(path, converters=with_converters([DATE_US]))


class NoLinks:
    def theirs(self, ref: dict) -> None:
        return None


def natives() -> list[Native]:
    form = FlatfileFormat(FlatfileFormat.Settings(layout="agency-clients"), Context(partner="agency"))
    return [n for n in form.parse(io.BytesIO(LIST.encode()), {}) if isinstance(n, Native)]


def test_its_examples_hold(plain_csv):
    assert plain_csv.run_examples() == []


def test_a_list_becomes_people_and_their_enrollments(plain_csv):
    read = [plain_csv.read(n.data) for n in natives()]
    assert [r.slice["person"]["names"][0]["family"] for r in read] == ["Moreno", "Abara", "Okafor"]
    assert [r.slice.get("participation", {}).get("status") for r in read] == ["enrolled", "ended", None]
    assert read[0].left_over == ["Pet"]


def test_the_list_comes_back_as_it_was(plain_csv):
    written = [plain_csv.write(plain_csv.read(n.data).slice, NoLinks(), n.data).data for n in natives()]
    released = [a_release(document, "flatfile/client") for document in written]
    form = FlatfileFormat(FlatfileFormat.Settings(layout="agency-clients"), Context(partner="agency"))
    (file,) = form.render(released, RenderContext("01JD", datetime(2026, 11, 21, tzinfo=UTC)))
    assert file.data.decode() == LIST


@pytest.mark.parametrize("wrong", ["13/01/2026", "2026-01-05", "1/5/26", "02/30/2026", ""])
def test_a_date_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=r"date|month|day"):
        DATE_US.read(wrong)
