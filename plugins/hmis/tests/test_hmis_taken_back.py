"""An exit that was taken back (DateDeleted) is no exit: the person is still there, or left by another one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from casebridge_hmis.row_ids import ROW_IDS

from casebridge.mapping import load_set, with_converters

MAPPINGS = Path(__file__).parents[3] / "mappings"
WHEN = "2026-03-05 09:00:00"
DELETED = {"ExitID": "X8", "ExitDate": "2026-02-01", "Destination": "435", "DateDeleted": WHEN}
RIGHT = {"ExitID": "X9", "ExitDate": "2026-04-01", "Destination": "410"}


@pytest.fixture(scope="module")
def exits(making):
    """``exits(DELETED, RIGHT)``: an export of two people, in which the first one left by these rows."""

    def make(*rows: dict[str, str]) -> io.BytesIO:
        export = making.make_export(2)
        export["Exit"] = [{**export["Exit"][0], **row} for row in rows]
        return making.zip_of(making.files_of(export))

    return make


def enrollment(natives):
    return next(n for n in natives if n.external_id == "E1" and n.type.endswith("/Enrollment")).data


@pytest.mark.parametrize(("rows", "left_by", "deleted", "codes"), [
    ([RIGHT], "X9", [], []),
    ([DELETED], None, ["X8"], []),
    ([DELETED, RIGHT], "X9", ["X8"], []),
    ([RIGHT, DELETED], "X9", ["X8"], []),
    ([DELETED, {**DELETED, "ExitID": "X7"}, RIGHT], "X9", ["X8", "X7"], []),
    ([DELETED, RIGHT, {**RIGHT, "ExitID": "X7"}], "X9", ["X8"], ["CB-330"]),
])  # fmt: skip
def test_the_exit_is_the_one_that_was_not_taken_back(exits, read, rows, left_by, deleted, codes):
    natives, errors = read(exits(*rows))
    data = enrollment(natives)
    assert data.get("exit", {}).get("ExitID") == left_by
    assert [row["ExitID"] for row in data.get("deleted_exits", [])] == deleted
    assert [error.code for error in errors] == codes


@pytest.mark.parametrize("year", ["2026", "2024"])
@pytest.mark.parametrize(("rows", "status", "end"), [
    ([DELETED], "enrolled", None),
    ([DELETED, RIGHT], "ended", "2026-04-01"),
])  # fmt: skip
def test_who_did_not_leave_is_still_enrolled(exits, read, year, rows, status, end):
    maps = load_set(f"hmis-{year}", [MAPPINGS], converters=with_converters(ROW_IDS))
    (map_,) = (m for m in maps if m.other.endswith("/Enrollment"))
    data = enrollment(read(exits(*rows))[0])
    found = map_.read(data)
    said = found.slice["participation"]
    assert (said["status"], said.get("end")) == (status, end)
    assert not [item for item in said["items"] if item["code"].startswith("exit-") and status == "enrolled"]
    assert "deleted_exits" in {path.partition(".")[0].partition("[")[0] for path in found.left_over}


@pytest.mark.parametrize("rows", [[DELETED], [DELETED, RIGHT], [RIGHT, DELETED]])
def test_it_goes_back_to_its_sender_as_it_was(exits, read, codec, released, morning, rows):
    stream = exits(*rows)
    natives, _ = read(stream)
    out = io.BytesIO()
    codec().carry(stream, natives, out)
    with zipfile.ZipFile(stream) as before, zipfile.ZipFile(out) as after:
        assert after.read("Exit.csv") == before.read("Exit.csv")
    (file,) = codec().render([released("Enrollment", enrollment(natives))], morning)
    back = enrollment(read(io.BytesIO(file.data), strict=True)[0])
    assert [row["DateDeleted"] for row in back["deleted_exits"]] == [WHEN]
    assert ("exit" in back) == (RIGHT in rows)
