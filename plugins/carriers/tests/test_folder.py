"""The link ``folder``: what is picked up, when, and where it goes then."""

from __future__ import annotations

import errno
import io
import os
import stat
import time
import zipfile
from pathlib import Path

import pytest
from casebridge_carriers import late
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


def test_what_is_written_after_a_file_was_taken_brings_it_back(context, folder):
    """The handle of a writer that stalled follows the file into done/."""
    here = link(context, folder)
    with put(folder, "834.txt", "half").open("a") as writer:
        assert taken(here) == [("834.txt", b"half")]
        writer.write(" and whole")
    with pytest.raises(TryAgain, match=r"834.txt: more of it came.*CB-403"):
        taken(here)
    assert (names(folder / "in"), names(folder / "done")) == (["834.txt"], [])
    put(folder, "834.txt", "half and whole")
    assert taken(here) == [("834.txt", b"half and whole")]
    assert names(folder / "done") == ["834.txt"]


def test_files_that_come_late_bring_their_folder_back(context, folder):
    here = link(context, folder, pack_directories=True)
    os.utime(put(folder, "monday/Export.csv").parent, (time.time() - OLD,) * 2)
    assert len(taken(here)) == 1
    assert taken(here) == []
    (folder / "done" / "monday" / ".DS_Store").write_text("somebody looked at it")
    assert taken(here) == []
    (folder / "done" / "monday" / "Client.csv").write_text("late")
    with pytest.raises(TryAgain, match="CB-403"):
        taken(here)
    assert names(folder / "in") == ["monday"]


@pytest.mark.parametrize("after", ["the time is set back", "a name of its own", "too late"])
def test_a_file_in_done_that_nobody_wrote_stays_there(context, folder, after, monkeypatch):
    here = link(context, folder)
    put(folder, "834.txt")
    taken(here)
    path = folder / "done" / "834.txt"
    if after == "the time is set back":  # as an upload does that keeps the original's time
        os.utime(path, (1e9, 1e9))
    elif after == "a name of its own":
        path.with_name("note.txt").write_text("sent on to the state")
    else:
        monkeypatch.setattr(late, "WATCHED", 0)
        path.write_text("a person mended it")
    assert taken(here) == []
    assert "834.txt" in names(folder / "done")


def test_a_marker_says_that_a_file_is_complete(context, folder):
    here = link(context, folder, marker=".ready")
    put(folder, "834.txt")
    assert taken(here) == []
    put(folder, "834.txt.ready", "")
    assert taken(here) == [("834.txt", b"x")]
    assert names(folder / "in") == []


def test_a_file_that_was_said_to_be_complete_is_not_put_back_to_wait_for_its_marker_again(context, folder):
    here = link(context, folder, marker=".ready")
    put(folder, "834.txt.ready", "")
    put(folder, "834.txt")
    taken(here)
    (folder / "done" / "834.txt").write_text("more")
    assert taken(here) == []
    assert (names(folder / "in"), names(folder / "done")) == ([], ["834.txt"])


def test_only_the_pattern_is_picked_up(context, folder):
    here = link(context, folder, pattern="*.csv")
    put(folder, "a.csv")
    put(folder, "b.pdf")
    put(folder, "c.pdf.tmp")
    (folder / "in" / "old").mkdir()
    assert [name for name, _ in taken(here)] == ["a.csv"]
    assert here.remark == "1 file there does not fit the pattern *.csv and will not be picked up"
    (folder / "in" / "b.pdf").unlink()
    taken(here)
    assert here.remark == ""


@pytest.mark.parametrize(("pattern", "name"), [("*.csv", "REFERRALS.CSV"), ("REF*.CSV", "referrals.csv")])
def test_capitals_make_no_difference_to_the_pattern(context, folder, pattern, name):
    here = link(context, folder, pattern=pattern)
    put(folder, name)
    assert [name for name, _ in taken(here)] == [name]


def test_a_name_that_is_no_text_is_taken_and_written_out(context, folder):
    here = link(context, folder, pack_directories=True)
    put(folder, os.fsdecode(b"caf\xe9.csv"), age=90)
    os.utime(put(folder, os.fsdecode(b"day/caf\xe9.csv"), age=80).parent, (time.time() - OLD,) * 2)
    put(folder, "b.csv", age=10)
    assert [name for name, _ in taken(here)] == [r"caf\xe9.csv", "day.zip", "b.csv"]
    assert names(folder / "in") == []


@pytest.mark.parametrize("what", ["a file", "a folder", "a file in a folder"])
def test_what_may_not_be_read_is_reported_after_all_others(context, folder, what, monkeypatch):
    here = link(context, folder, pack_directories=True)
    locked = put(folder, "locked.csv" if what == "a file" else "locked/locked.csv")
    os.utime(locked.parent, (time.time() - OLD,) * 2)
    put(folder, "good.csv", age=10)

    def not_for_us(*asked: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    opened, listed = os.open, Path.iterdir
    monkeypatch.setattr(os, "open", lambda path, *rest: not_for_us() if path == locked else opened(path, *rest))
    if what == "a folder":
        monkeypatch.setattr(Path, "iterdir", lambda path: not_for_us() if path == locked.parent else listed(path))
    incoming = here.receive(None)
    first = next(incoming)
    here.settle(first, Outcome("accepted"))
    assert first.name == "good.csv"
    with pytest.raises(SetupError, match=r"locked.*: the file may not be read.*CB-370"):
        next(incoming)
    assert names(folder / "in") == [locked.name if what == "a file" else "locked"]


def test_the_same_name_again_gets_a_number_and_overwrites_nothing(context, folder):
    here = link(context, folder)
    for text in ("monday", "tuesday", "wednesday"):
        put(folder, "834.txt", text)
        taken(here)
    texts = {p.name: p.read_text() for p in (folder / "done").iterdir()}
    assert texts == {"834.txt": "monday", "834.1.txt": "tuesday", "834.2.txt": "wednesday"}


@pytest.mark.parametrize("packed", [False, True])
def test_a_done_folder_on_another_drive_is_said_and_gets_nothing_empty(context, folder, monkeypatch, packed):
    here = link(context, folder, pack_directories=packed)
    os.utime(put(folder, "day/834.txt" if packed else "834.txt").parent, (time.time() - OLD,) * 2)
    for name in ("link", "rename"):
        monkeypatch.setattr(os, name, on_another_drive(getattr(os, name), "done"))
    for _ in range(2):
        with pytest.raises(SetupError, match=r"one drive.*CB-370"):
            taken(here)
    here.inbox.put_back()
    assert (names(folder / "in"), names(folder / "done")) == (["day" if packed else "834.txt"], [])


def on_another_drive(move, folder: str):
    """``move`` as it is where ``folder`` is a mount point of its own."""

    def moved(source: Path, target: Path) -> None:
        if target.parent.name == folder:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        move(source, target)

    return moved


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
    with pytest.raises(RecordError, match=r"big.txt: the file has 11 bytes and stays there.*CB-304"):
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


@pytest.mark.parametrize(("access", "umask", "folders", "files"), [
    (None, 0o022, 0o750, 0o640),
    (None, 0o077, 0o700, 0o600),
    ("group-writes", 0o022, 0o2770, 0o660),
    ("everyone", 0o077, 0o755, 0o644),
])  # fmt: skip
def test_who_may_read_what_we_write(context, folder, dispatch, access, umask, folders, files):
    before = os.umask(umask)
    try:
        here = link(context, folder, **({"access": access} if access else {}))
        here.send(dispatch(OutFile("export.zip", b"PK", "application/zip")), "key")
    finally:
        os.umask(before)
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("in", "out", "done", "held")} == {folders}
    (sent,) = (folder / "out").iterdir()
    assert stat.S_IMODE(sent.stat().st_mode) == files


def test_a_folder_that_is_there_keeps_its_rights(context, folder, dispatch):
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    link(context, folder).send(dispatch(OutFile("export.zip", b"PK", "application/zip")), "key")
    assert stat.S_IMODE((folder / "out").stat().st_mode) == 0o777


def test_nothing_is_written_through_a_link_that_another_put_there(context, folder, dispatch, tmp_path):
    here = link(context, folder)
    (tmp_path / "theirs.txt").write_text("before")
    (folder / "out" / ".export.01JDISPATCH.zip.tmp").symlink_to(tmp_path / "theirs.txt")
    here.send(dispatch(OutFile("export.zip", b"PK", "application/zip")), "key")
    assert (tmp_path / "theirs.txt").read_text() == "before"
    assert (folder / "out" / "export.01JDISPATCH.zip").read_bytes() == b"PK"


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
    with pytest.raises(RecordError, match=r"aaaaaaaa….*shorter name"):
        next(payloads)
