"""An export of any number of records: they wait on disk, and those that are wrong are told one by one."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from casebridge import Native

ROWS = 300


@pytest.fixture(scope="module")
def natives(making, read) -> list[Native]:
    """The records of a small export, without the row about the export itself."""
    found, _ = read(making.zip_of(making.files_of(making.make_export(5))))
    return [n for n in found if n.type != "hmis-csv/Export"]


@pytest.fixture
def documents(natives, released) -> Callable[..., list[Any]]:
    """``documents(change)``: the records as released, each changed first."""

    def make(change: Callable[[str, dict[str, Any]], object] = lambda id_, data: None) -> list[Any]:
        found = []
        for native in natives:
            data = {name: value for name, value in native.data.items() if name not in ("client", "user")}
            change(native.external_id, data)
            found.append(released(native.type.partition("/")[2], data))
        return found

    return make


def gathered(codec, records, morning) -> tuple[list[tuple[int, str, str]], bytes]:
    """(what is wrong: index, code, field; the file)."""
    out = io.BytesIO()
    wrong = [(index, error.code, error.field) for index, error in codec().gather(records, morning, out)]
    return wrong, out.getvalue()


def numbers(natives, type_: str) -> dict[str, int]:
    return {n.external_id: index for index, n in enumerate(natives) if n.type == f"hmis-csv/{type_}"}


def test_a_gathered_export_is_the_one_that_render_makes(codec, documents, morning, natives):
    wrong, data = gathered(codec, documents(), morning)
    (file,) = codec().render(documents(), morning)
    assert (wrong, data) == ([], file.data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        clients = archive.read("Client.csv").decode().splitlines()
    assert len(clients) - 1 == len(numbers(natives, "Client")) > 2


def test_every_wrong_record_is_told_and_nothing_is_written(codec, documents, morning, natives):
    def spoil(id_: str, data: dict[str, Any]) -> None:
        if "VeteranStatus" in data:
            data["VeteranStatus"] = "" if id_ == "C1" else "77" if id_ == "C2" else data["VeteranStatus"]

    wrong, data = gathered(codec, documents(spoil), morning)
    clients = numbers(natives, "Client")
    assert wrong[:2] == [(clients["C1"], "CB-302", "VeteranStatus"), (clients["C2"], "CB-301", "VeteranStatus")]
    assert data == b""


def test_what_points_to_a_wrong_row_comes_after_it(codec, documents, morning, natives):
    wrong, _ = gathered(codec, documents(lambda id_, data: id_ == "C1" and data.update(Sex="7")), morning)
    enrolled = [index for index, n in enumerate(natives)
                if n.type == "hmis-csv/Enrollment" and n.data["PersonalID"] == "C1"]  # fmt: skip
    assert wrong[0] == (numbers(natives, "Client")["C1"], "CB-301", "Sex")
    assert enrolled
    assert {index for index, code, _ in wrong[1:] if code == "CB-331"} >= set(enrolled)


def test_a_record_without_its_key_is_told_and_takes_no_others_place(codec, released, documents, morning):
    keyless = [released("User", {"UserFirstName": "Uma"}), released("User", {"UserFirstName": "Udo"})]
    wrong, _ = gathered(codec, [*keyless, *documents()], morning)
    assert wrong == [(0, "CB-302", "UserID"), (1, "CB-302", "UserID")]


class Many(Sequence[Any]):
    """Clients made when they are asked for."""

    def __init__(self, count: int, like: dict[str, Any], released: Any) -> None:
        self._count, self._like, self._released = count, like, released

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return self._released("Client", {**self._like, "PersonalID": f"N{index}"})

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(self._count))


class Away(io.RawIOBase):
    """Where what is written is counted and forgotten."""

    def write(self, data: Any) -> int:
        return len(data)


def peak(codec, records, morning) -> int:
    """Bytes of Python objects alive at once."""
    tracemalloc.start()
    try:
        assert list(codec().gather(records, morning, Away())) == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_rows_need_no_more_memory(codec, natives, released, morning):
    like = {k: v for k, v in next(n for n in natives if n.type == "hmis-csv/Client").data.items() if k != "user"}
    peak(codec, Many(3, like, released), morning)  # tables are read, caches are filled
    few, many = (peak(codec, Many(count, like, released), morning) for count in (ROWS, 10 * ROWS))
    assert many < few + ROWS * 100
