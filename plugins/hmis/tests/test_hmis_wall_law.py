"""The law of the wall: whatever happened to organizations, projects and enrollments, nothing of survivors is stored."""

from __future__ import annotations

import io
import re
import zipfile

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

SURVIVORS = re.compile(rb"9001|Elm St|1999-09-09")  # in every row of hers, and in nobody else's
KEYS = {"Organization": "OrganizationID", "Project": "ProjectID", "Enrollment": "EnrollmentID"}
KEY = ["", "+?", "+ "]  # none, nobody's, not quite the same
SPOILT = {
    "Organization": {"OrganizationID": KEY, "VictimServiceProvider": ["", "Y", "2", " 1"]},
    "Project": {"ProjectID": KEY, "OrganizationID": KEY},
    "Enrollment": {"EnrollmentID": KEY, "PersonalID": KEY, "ProjectID": KEY},
}
OPS = ["spoil", "remove", "double", "delete", "comma", "cut", "quote"]


@st.composite
def damages(draw):
    """(file, which of its rows, what is done to it, and where) some times over; a doubled row may be damaged after."""
    found = []
    for _ in range(draw(st.integers(1, 8))):
        file = draw(st.sampled_from(list(KEYS)))
        column = draw(st.sampled_from(list(SPOILT[file])))
        value = draw(st.sampled_from(SPOILT[file][column]))
        op = draw(st.sampled_from(OPS))
        found.append((file, draw(st.integers(0, 9)), op, draw(st.integers(0, 30)), column, value))
    quoted = any(op == "quote" for _, _, op, *_ in found)
    return [d for d in found if not (quoted and d[2] in ("comma", "cut"))]


def hers(export) -> None:
    """Every row of hers says something that nobody else's does."""
    for rows in export.values():
        for row in (row for row in rows if row.get("PersonalID") == "C9001"):
            row["DateCreated"] = "1999-09-09 09:00:00"
            row |= {name: "Elm St" for name in ("FirstName", "LastName", "LocationDetails") if name in row}


def damaged(making, export, what) -> tuple[dict[str, bytes], set[str], set[str]]:
    """(the files, the keys of the rows that something happened to, those that are gone altogether)."""
    files = making.files_of(export)
    lines = {file: files[f"{file}.csv"].decode().splitlines() for file in KEYS}
    names = {file: lines[file].pop(0).split(",") for file in KEYS}
    touched = set()
    for file, number, op, at, column, value in what:
        if not lines[file]:
            continue
        number %= len(lines[file])
        cells = lines[file][number].split(",")
        at %= len(cells)
        if op == "double":
            lines[file].append(lines[file][number])
            continue
        key = cells[0].strip(' "?')
        if key == "E8000" and op != "remove":
            continue  # a comma could take away that it was taken back
        if len(cells) != len(names[file]) and op in ("spoil", "delete"):
            continue  # its columns are no longer where they were
        touched.add(key)
        match op:
            case "remove":
                del lines[file][number]
                continue
            case "spoil":
                old = cells[names[file].index(column)]
                cells[names[file].index(column)] = value.replace("+", old)
            case "delete":
                cells[names[file].index("DateDeleted")] = "2026-03-01 09:00:00"
            case "comma":
                cells.insert(at, "")
            case "cut":
                cells = cells[: max(at, 1)]
            case "quote":
                cells[at] = '"' + cells[at] if number % 2 else cells[at] + '"'
        lines[file][number] = ",".join(cells)
    for file, found in lines.items():
        files[f"{file}.csv"] = "\r\n".join([",".join(names[file]), *found, ""]).encode()
    there = {line.split(",")[0].strip(' "?') for found in lines.values() for line in found}
    return files, touched, {"O9", "P9", "E9001"} - there


def screened(codec, stream) -> dict[str, bytes]:
    out = io.BytesIO()
    kept = out if codec().screen(stream, out) else stream
    with zipfile.ZipFile(kept) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clients=st.integers(1, 5), what=damages(), taken_back=st.booleans())
def test_nothing_of_a_survivor_is_stored_and_nobody_is_lost_who_is_certainly_elsewhere(
    making, codec, clients, what, taken_back
):
    export = making.make_export(clients, vsp=True)
    hers(export)
    if taken_back:  # somebody enrolled her in the shelter by mistake
        mistake = {"EnrollmentID": "E8000", "ProjectID": "P1", "DateDeleted": "2026-03-01 09:00:00"}
        export["Enrollment"].append({**export["Enrollment"][-1], **mistake})
    files, touched, gone = damaged(making, export, what)
    assume(not taken_back or len(gone) < 3)  # with all three gone nothing says that she was ever elsewhere
    kept = screened(codec, making.zip_of(files))
    assert [name for name, data in kept.items() if SURVIVORS.search(data)] == []

    quoted = any(op == "quote" for _, _, op, *_ in what)
    for enrollment in export["Enrollment"][:clients] if "O1" not in touched and not quoted else ():
        if touched.isdisjoint({enrollment["ProjectID"], enrollment["EnrollmentID"]}):
            event("somebody is certainly elsewhere")
            of_theirs = re.compile(rf"(^|,){enrollment['PersonalID']},".encode(), re.MULTILINE)
            for name in files.keys() - {"Enrollment.csv"}:
                assert len(of_theirs.findall(kept[name])) == len(of_theirs.findall(files[name]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clients=st.integers(1, 5), what=damages())
def test_of_what_is_stored_the_same_is_read_as_of_what_was_sent(making, codec, read, clients, what):
    files, *_ = damaged(making, making.make_export(clients, vsp=True), what)
    sent, out = making.zip_of(files), io.BytesIO()
    kept = out if codec().screen(sent, out) else sent
    (before, told), (after, told_after) = read(sent), read(kept)
    assert [(n.type, n.external_id, str(n.position)) for n in after] == [
        (n.type, n.external_id, str(n.position)) for n in before
    ]
    assert [str(e) for e in told_after] == [str(e) for e in told]
    assert after[0].data["refused_rows"] == before[0].data["refused_rows"]
