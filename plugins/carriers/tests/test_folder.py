"""The link ``folder``: what is picked up, when, and where it goes then."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import pytest
from casebridge_carriers.folder import FolderLink

from casebridge import Context, Outcome, OutFile, Payload
from casebridge.core.errors import RecordError, SetupError, TryAgain

OLD = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def link(context: Context, folder: Path, **settings: object) -> FolderLink:
    made = FolderLink(FolderLink.Settings(folder="state", **settings), context)
    made.probe()  # makes the sub-folders
    return made


def put(folder: Path, name: str, text: str = "x", age: float = OLD) -> Path:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def taken(link: FolderLink, state: str = "accepted") -> list[tuple[str, bytes]]:
    """Name and content of all that comes in, each settled."""
    found = []
    for payload in link.receive(None):
        found.append((payload.name, payload.stream.read()))
        link.settle(payload, Outcome(state))  # type: ignore[arg-type]
    return found


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_files_come_oldest_first_and_end_in_done(context, folder):
    here = link(context, folder)
    put(folder, "b.txt", "second", age=50)
    put(folder, "c.txt", "first", age=70)
    put(folder, "a.txt", "third", age=50)
    os.utime(folder / "in" / "a.txt", ns=((folder / "in" / "b.txt").stat().st_mtime_ns,) * 2)
    assert taken(here) == [("c.txt", b"first"), ("a.txt", b"third"), ("b.txt", b"second")]
    assert (names(folder / "in"), names(folder / "done")) == ([], ["a.txt", "b.txt", "c.txt"])


@pytest.mark.parametrize(("state", "ends_in"), [("accepted", "done"), ("duplicate", "done"), ("held", "held")])
def test_where_a_file_ends(context, folder, state, ends_in):
    here = link(context, folder)
    put(folder, "834.txt")
    taken(here, state)
    assert names(folder / ends_in) == ["834.txt"]


@pytest.mark.parametrize("name", ["834.txt.tmp", "834.part", "834.filepart", "834.TMP", ".834.txt"])
def test_a_name_of_an_unfinished_file_is_left_alone(context, folder, name):
    here = link(context, folder)
    put(folder, name)
    assert taken(here) == []
    assert names(folder / "in") == [name]


def test_a_file_still_being_written_is_left_alone(context, folder):
    here = link(context, folder)
    put(folder, "834.txt", "half", age=1)
    assert taken(here) == []
    put(folder, "834.txt", "half and whole", age=6)
    assert taken(here) == [("834.txt", b"half and whole")]


def test_a_file_that_grows_while_it_is_read_is_never_taken_for_whole(context, folder):
    here = link(context, folder)
    path = put(folder, "834.txt", "half")
    incoming = here.receive(None)
    payload = next(incoming)
    with path.open("a") as writer:
        writer.write(" and the rest")
    with pytest.raises(TryAgain, match="still being written"):
        payload.stream.read()


def test_a_marker_says_that_a_file_is_complete(context, folder):
    here = link(context, folder, marker=".ready")
    put(folder, "834.txt")
    assert taken(here) == []
    put(folder, "834.txt.ready", "")
    assert taken(here) == [("834.txt", b"x")]
    assert names(folder / "in") == []


def test_only_the_pattern_is_picked_up(context, folder):
    here = link(context, folder, pattern="*.csv")
    put(folder, "a.csv")
    put(folder, "b.pdf")
    assert [name for name, _ in taken(here)] == ["a.csv"]


def test_the_same_name_again_gets_a_number_and_overwrites_nothing(context, folder):
    here = link(context, folder)
    for text in ("monday", "tuesday", "wednesday"):
        put(folder, "834.txt", text)
        taken(here)
    texts = {p.name: p.read_text() for p in (folder / "done").iterdir()}
    assert texts == {"834.txt": "monday", "834.1.txt": "tuesday", "834.2.txt": "wednesday"}


def test_settling_twice_is_settling_once(context, folder):
    here = link(context, folder)
    put(folder, "834.txt")
    payload = next(here.receive(None))
    here.settle(payload, Outcome("accepted"))
    here.settle(payload, Outcome("accepted"))
    assert names(folder / "done") == ["834.txt"]


def test_a_new_file_of_the_same_name_is_not_settled_unread(context, folder):
    here = link(context, folder)
    put(folder, "834.txt", "monday")
    payload = next(here.receive(None))
    put(folder, "834.new", "tuesday").replace(folder / "in" / "834.txt")
    here.settle(payload, Outcome("accepted"))
    assert names(folder / "done") == []
    assert taken(here) == [("834.txt", b"tuesday")]


def test_settling_after_a_crash_in_mid_move_finishes_the_move(context, folder):
    here = link(context, folder)
    put(folder, "834.txt", "monday")
    payload = next(here.receive(None))
    (folder / "in" / "834.txt").rename(folder / "in" / ".settling.834.txt")
    link(context, folder).settle(Payload("834.txt", io.BytesIO(), token=payload.token), Outcome("accepted"))
    assert (names(folder / "in"), names(folder / "done")) == ([], ["834.txt"])


def test_a_file_too_large_is_reported_after_all_others(context, folder):
    here = link(context, folder, max_bytes=10)
    put(folder, "big.txt", "x" * 11, age=100)
    put(folder, "small.txt", "x")
    incoming = here.receive(None)
    assert next(incoming).name == "small.txt"
    with pytest.raises(RecordError, match=r"big.txt: the file has 11 bytes and stays in in/.*CB-304"):
        next(incoming)


def test_a_look_takes_at_most_max_files(context, folder):
    here = link(context, folder, max_files=2)
    for name in "abc":
        put(folder, name)
    assert [len(taken(here)), len(taken(here))] == [2, 1]


def test_links_out_of_the_folder_are_not_followed(context, folder, tmp_path, dispatch):
    here = link(context, folder)
    (tmp_path / "secret.txt").write_text("not yours")
    (folder / "in" / "leak.txt").symlink_to(tmp_path / "secret.txt")
    assert taken(here) == []
    (folder / "out").rmdir()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(SetupError, match="symbolic link"):
        here.send(dispatch(OutFile("a.txt", b"x", "text/plain")), "key")


def test_a_folder_of_files_is_one_zip_the_same_for_the_same_content(context, folder):
    here = link(context, folder, pack_directories=True)
    for day in ("monday", "tuesday"):
        for name in ("Export.csv", "Client.csv"):
            put(folder, f"{day}/{name}", name)
        os.utime(folder / "in" / day, (time.time() - OLD,) * 2)
    first, second = taken(here)
    assert [first[0], second[0]] == ["monday.zip", "tuesday.zip"]
    assert first[1] == second[1]
    with zipfile.ZipFile(io.BytesIO(first[1])) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == {n: n.encode() for n in ("Client.csv", "Export.csv")}
    assert names(folder / "done") == ["monday", "tuesday"]


def test_a_folder_is_complete_when_its_newest_file_is(context, folder):
    here = link(context, folder, pack_directories=True)
    put(folder, "export/Export.csv")
    put(folder, "export/Client.csv", age=1)
    os.utime(folder / "in" / "export", (time.time() - OLD,) * 2)
    assert taken(here) == []


@pytest.mark.parametrize(("files", "complete"), [
    ([], False), (["Export.csv", "Client.csv.part"], False), ([".DS_Store"], False),
    (["Export.csv", ".DS_Store"], True),
])  # fmt: skip
def test_a_folder_that_is_empty_or_still_being_filled_is_left_alone(context, folder, files, complete):
    here = link(context, folder, pack_directories=True)
    (folder / "in" / "export").mkdir()
    for name in files:
        put(folder, f"export/{name}")
    os.utime(folder / "in" / "export", (time.time() - OLD,) * 2)
    assert bool(taken(here)) == complete


def test_a_missing_folder_is_never_made(context, folder):
    folder.rmdir()
    with pytest.raises(SetupError, match=r"does not exist \(CB-370\)"):
        next(FolderLink(FolderLink.Settings(folder="state"), context).receive(None))
    assert not folder.exists()


def test_sending_writes_once_under_a_name_of_its_own(context, folder, dispatch):
    here = link(context, folder)
    export = dispatch(OutFile("export.zip", b"PK", "application/zip"))
    assert here.find(export, "key") is None
    assert here.send(export, "key").reference == "export.01JDISPATCH.zip"
    here.send(export, "key")
    assert {p.name: p.read_bytes() for p in (folder / "out").iterdir()} == {"export.01JDISPATCH.zip": b"PK"}
    found = here.find(export, "key")
    assert found is not None
    assert found.reference == "export.01JDISPATCH.zip"


def test_a_reference_becomes_a_plain_file_name(context, folder, dispatch):
    here = link(context, folder)
    here.send(dispatch(OutFile("Task/t-1", b"{}", "application/fhir+json")), "key")
    assert names(folder / "out") == ["Task-t-1.01JDISPATCH.json"]


def test_find_needs_every_file_of_the_dispatch(context, folder, dispatch):
    here = link(context, folder)
    both = dispatch(OutFile("a.txt", b"a", "text/plain"), OutFile("b.txt", b"b", "text/plain"))
    here.send(both, "key")
    (folder / "out" / "b.01JDISPATCH.txt").unlink()
    assert here.find(both, "key") is None


@pytest.mark.parametrize("name", ["../a.txt", "/etc/passwd", "a/b", "..", ".a", "a\\b", "c:x", "a\nb", "a.tmp", ""])
def test_names_with_path_parts_are_refused(context, folder, name, dispatch):
    here = link(context, folder)
    with pytest.raises(RecordError, match=r"CB-301"):
        here.send(dispatch(OutFile(name, b"x", "text/plain")), "key")
    assert names(folder / "out") == []


def test_the_probe_says_what_is_wrong(context, folder):
    assert link(context, folder).probe().ok
    (folder / "in").rmdir()
    (folder / "in").write_text("a file")
    assert not link(context, folder).probe().ok


def test_a_name_too_long_to_move_is_reported_and_keeps_no_other_back(context, folder):
    inbox = folder / "in"
    inbox.mkdir(exist_ok=True)
    (inbox / ("a" * 240)).write_text("long")
    (inbox / "b.txt").write_text("short")
    link = FolderLink(FolderLink.Settings(folder=str(folder), quiet_seconds=0), context)
    payloads = link.receive(None)
    first = next(payloads)
    link.settle(first, Outcome("accepted"))
    assert first.name == "b.txt"
    with pytest.raises(RecordError, match="shorter name"):
        next(payloads)
