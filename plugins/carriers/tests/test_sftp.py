"""The link ``sftp`` against a real SSH server on 127.0.0.1."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import asyncssh
import pytest
from casebridge_carriers import sftp
from casebridge_carriers.sftp import SftpLink
from pydantic import ValidationError

from casebridge import Context, Outcome, OutFile
from casebridge.core.errors import RecordError, SetupError, TryAgain


class Partner:
    """An SFTP server over the folder ``root``, on a loop of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.host_key = root, asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.port = 0
        self.start()

    @property
    def pinned(self) -> str:
        return self.host_key.export_public_key().decode().strip()

    def start(self) -> None:
        self.acceptor = self.call(self._listen())
        self.port = self.acceptor.get_port()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        keys = asyncssh.import_authorized_keys(self.client_key.export_public_key().decode())
        return await asyncssh.listen(
            "127.0.0.1", self.port, server_host_keys=[self.host_key], authorized_client_keys=keys, server_factory=Login,
            sftp_factory=lambda channel: Files(channel, chroot=os.fsencode(self.root)),
        )  # fmt: skip

    def call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def stop(self) -> None:
        async def close() -> None:
            self.acceptor.close()
            await self.acceptor.wait_closed()

        self.call(close())

    def drop(self) -> None:
        """Cut every connection, as a restarted server does."""

        async def cut() -> None:
            for connection in Login.connected:
                connection.abort()
            Login.connected.clear()

        self.call(cut())

    def end(self) -> None:
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Files(asyncssh.SFTPServer):
    """The folder ``root``; ``locked`` files are given to nobody, and no type is told where ``untyped``."""

    locked: ClassVar[set[bytes]] = set()
    untyped: ClassVar[str] = ""

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if path.rpartition(b"/")[2] in self.locked:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().open(path, pflags, attrs)

    def format_longname(self, name: asyncssh.SFTPName) -> None:
        super().format_longname(name)
        if self.untyped:
            name.attrs = asyncssh.SFTPAttrs(size=name.attrs.size, atime=1, mtime=name.attrs.mtime)

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        found = asyncssh.SFTPAttrs.from_local(super().lstat(path))
        return asyncssh.SFTPAttrs(size=found.size, atime=1, mtime=found.mtime) if self.untyped == "anywhere" else found


class Login(asyncssh.SSHServer):
    """Takes the password ``right`` besides the key; remembers who is connected."""

    connected: ClassVar[list[asyncssh.SSHServerConnection]] = []

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connected.append(conn)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == "right"


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    root = tmp_path / "remote"
    for folder in ("in", "out", "done", "held"):
        (root / folder).mkdir(parents=True)
    here = Partner(root)
    (tmp_path / "client.key").write_bytes(here.client_key.export_private_key())
    yield here
    here.end()


@pytest.fixture
def connect(partner: Partner, context: Context):
    made: list[SftpLink] = []

    def link(**settings: object) -> SftpLink:
        options = {"key_file": "client.key", "known_hosts": partner.pinned, "held_dir": "held", "quiet_seconds": 0.05}
        made.append(SftpLink(SftpLink.Settings(
            host="127.0.0.1", port=partner.port, user="bridge", in_dir="in", out_dir="out", done_dir="done",
            **{**options, **settings}), context))  # fmt: skip
        return made[-1]

    yield link
    for one in made:
        one.close()


def put(partner: Partner, name: str, text: str = "x", age: float = 60) -> Path:
    path = partner.root / "in" / name
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)
    return path


def taken(link: SftpLink, state: str = "accepted") -> list[tuple[str, bytes]]:
    found = []
    for payload in link.receive(None):
        found.append((payload.name, payload.stream.read()))
        link.settle(payload, Outcome(state))  # type: ignore[arg-type]
    return found


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_files_come_oldest_first_and_end_in_done(partner, connect):
    put(partner, "b.txt", "second", age=50)
    put(partner, "a.txt", "first", age=70)
    assert taken(connect()) == [("a.txt", b"first"), ("b.txt", b"second")]
    assert (names(partner.root / "in"), names(partner.root / "done")) == ([], ["a.txt", "b.txt"])


def test_a_held_file_ends_in_held_or_done(partner, connect):
    put(partner, "a.txt")
    taken(connect(), "held")
    put(partner, "b.txt")
    taken(connect(held_dir=""), "held")
    assert (names(partner.root / "held"), names(partner.root / "done")) == (["a.txt"], ["b.txt"])


def test_a_large_file_comes_whole(partner, connect):
    data = os.urandom(3_000_000)
    put(partner, "834.txt").write_bytes(data)
    assert taken(connect()) == [("834.txt", data)]


def test_a_file_that_grows_between_two_looks_is_left_alone(partner, connect, monkeypatch):
    path = put(partner, "834.txt", "half")

    async def meanwhile(seconds: float) -> None:
        path.write_text("half and whole")

    with monkeypatch.context() as between:
        between.setattr(sftp, "asyncio", SimpleNamespace(sleep=meanwhile))
        assert taken(connect()) == []
    assert taken(connect()) == [("834.txt", b"half and whole")]


def test_a_file_that_grows_while_it_is_fetched_is_left_alone(partner, connect):
    put(partner, "a.txt", age=70)
    late = put(partner, "b.txt", "half")
    incoming = connect().receive(None)
    assert next(incoming).name == "a.txt"
    late.write_text("half and whole")
    assert list(incoming) == []


def test_what_is_written_after_a_file_was_taken_brings_it_back(partner, connect):
    link = connect()
    with put(partner, "834.txt", "half").open("a") as writer:
        assert taken(link) == [("834.txt", b"half")]
        writer.write(" and whole")
    incoming = link.receive(None)
    assert next(incoming).stream.read() == b"half and whole"
    with pytest.raises(TryAgain, match=r"834.txt: more of it came.*CB-403"):
        next(incoming)
    assert (names(partner.root / "in"), names(partner.root / "done")) == (["834.txt"], [])
    assert taken(link) == [("834.txt", b"half and whole")]
    assert taken(link) == []


def test_an_upload_may_stall_for_half_a_minute_and_what_was_quiet_is_not_waited_for_again(
    partner, connect, monkeypatch
):
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(sftp, "asyncio", SimpleNamespace(sleep=wait, wait_for=asyncio.wait_for))
    default = SftpLink.Settings.model_fields["quiet_seconds"].default
    link = connect(quiet_seconds=default, max_bytes=10)
    put(partner, "big.txt", "x" * 11)
    for _ in range(3):
        with pytest.raises(RecordError, match="CB-304"):
            taken(link)
    assert waits == [default] == [30]


@pytest.mark.parametrize("name", [b"caf\xe9.csv", "café.csv".encode()])
def test_a_name_that_is_no_text_is_taken_and_written_out(partner, connect, name):
    put(partner, os.fsdecode(name), age=90)
    put(partner, "b.csv")
    assert [name for name, _ in taken(connect())] == [name.decode(errors="backslashreplace"), "b.csv"]
    assert names(partner.root / "in") == []


def test_what_may_not_be_read_or_moved_is_reported_after_all_others(partner, connect, monkeypatch):
    monkeypatch.setattr(Files, "locked", {b"locked.csv"})
    long = put(partner, "y" * 240 + ".csv", age=100)
    locked = put(partner, "locked.csv", age=90)
    put(partner, "good.csv")
    for path, reported in ((long, r"yyy….*shorter name"), (locked, r"locked.csv: the file may not be read.*CB-109")):
        put(partner, "good.csv")
        incoming = connect().receive(None)
        assert next(incoming).name == "good.csv"
        with pytest.raises((RecordError, SetupError), match=reported):
            next(incoming)
        path.unlink()


@pytest.mark.parametrize("untyped", ["in lists", "anywhere"])
def test_a_server_that_tells_no_type_is_asked_for_it(partner, connect, monkeypatch, untyped):
    monkeypatch.setattr(Files, "untyped", untyped)
    put(partner, "a.csv")
    (partner.root / "in" / "folder").mkdir()
    (partner.root / "in" / "link.csv").symlink_to(partner.root / "in" / "a.csv")
    assert taken(connect()) == [("a.csv", b"x")]


def test_capitals_make_no_difference_to_the_pattern_and_other_names_are_counted(partner, connect):
    put(partner, "REFERRALS.CSV")
    put(partner, "a.pdf")
    put(partner, "b.pdf")
    link = connect(pattern="*.csv")
    assert [name for name, _ in taken(link)] == ["REFERRALS.CSV"]
    assert link.remark == "2 files there do not fit the pattern *.csv and will not be picked up"


def test_unfinished_names_links_and_other_patterns_are_left_alone(partner, connect, tmp_path):
    (tmp_path / "secret").write_text("not yours")
    (partner.root / "in" / "leak.txt").symlink_to(tmp_path / "secret")
    (partner.root / "in" / "folder.txt").mkdir()
    for name in ("a.txt.part", ".a.txt", "a.pdf"):
        put(partner, name)
    assert taken(connect(pattern="*.txt")) == []


def test_the_same_name_again_overwrites_nothing(partner, connect):
    link = connect()
    for text in ("monday", "tuesday"):
        put(partner, "834.txt", text)
        taken(link)
    texts = {p.name: p.read_text() for p in (partner.root / "done").iterdir()}
    assert texts == {"834.txt": "monday", "834.1.txt": "tuesday"}


def test_settling_twice_is_settling_once_and_a_new_file_stays(partner, connect):
    link = connect()
    put(partner, "834.txt", "monday")
    incoming = link.receive(None)
    payload = next(incoming)
    link.settle(payload, Outcome("accepted"))
    put(partner, "834.txt", "tuesday", age=30)
    link.settle(payload, Outcome("accepted"))
    assert (names(partner.root / "in"), names(partner.root / "done")) == (["834.txt"], ["834.txt"])


def test_what_a_crash_left_half_settled_is_offered_again(partner, connect):
    put(partner, "834.txt").rename(partner.root / "in" / ".settling.834.txt")
    assert taken(connect()) == [("834.txt", b"x")]


def test_a_file_too_large_is_reported_after_all_others(partner, connect):
    put(partner, "big.txt", "x" * 11, age=100)
    put(partner, "small.txt")
    incoming = connect(max_bytes=10).receive(None)
    assert next(incoming).name == "small.txt"
    with pytest.raises(RecordError, match=r"big.txt: the file has 11 bytes.*CB-304"):
        next(incoming)


def test_sending_writes_once_under_a_name_of_its_own(partner, connect, dispatch):
    link, export = connect(), dispatch(OutFile("event.csv", b"a,b\n", "text/csv"))
    assert link.find(export, "key") is None
    link.send(export, "key")
    link.send(export, "key")
    assert {p.name: p.read_bytes() for p in (partner.root / "out").iterdir()} == {"event.01JDISPATCH.csv": b"a,b\n"}
    assert link.find(export, "key") == link.send(export, "key")


def test_a_lost_connection_is_tried_again_and_comes_back(partner, connect):
    link = connect()
    put(partner, "a.txt")
    assert len(taken(link)) == 1
    partner.stop()
    partner.drop()
    with pytest.raises(TryAgain, match="CB-401"):
        [taken(link) for _ in range(2)]  # the first may still see the old connection end
    partner.start()
    put(partner, "b.txt")
    assert taken(link) == [("b.txt", b"x")]


def test_a_closed_link_can_be_used_again(partner, connect):
    link = connect()
    for name in ("a.txt", "b.txt"):
        put(partner, name)
        assert taken(link) == [(name, b"x")]
        link.close()
        link.close()


def test_another_host_key_is_never_accepted(partner, connect, dispatch):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    link = connect(known_hosts=other)
    with pytest.raises(SetupError, match="CB-371"):
        link.send(dispatch(OutFile("a.txt", b"x", "text/plain")), "key")
    assert not link.probe().ok
    assert names(partner.root / "out") == []


def test_host_keys_may_stand_in_a_file(partner, connect, tmp_path):
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{partner.port} {partner.pinned}\n")
    assert connect(known_hosts="known_hosts").probe().ok
    (tmp_path / "known_hosts").write_text(f"elsewhere.example {partner.pinned}\n")
    assert "shows another key" in connect(known_hosts="known_hosts").probe().message


def test_without_a_host_key_there_is_no_link():
    with pytest.raises(ValidationError, match="known_hosts"):
        SftpLink.Settings(host="h", user="u", in_dir="i", out_dir="o", done_dir="d")
    with pytest.raises(ValidationError, match="known_hosts"):
        SftpLink.Settings(host="h", user="u", in_dir="i", out_dir="o", done_dir="d", known_hosts="")


def test_a_missing_known_hosts_file_and_a_missing_key_are_matters_of_set_up(connect):
    with pytest.raises(SetupError, match=r"neither a public key nor a file.*CB-101"):
        taken(connect(known_hosts="nowhere"))
    with pytest.raises(SetupError, match="CB-104"):
        taken(connect(key_file="nowhere.key"))


def test_a_key_under_a_passphrase_needs_it(partner, connect, tmp_path):
    locked = partner.client_key.export_private_key(passphrase="right", cipher_name="aes256-cbc", hash_name="sha256",
                                                   format_name="pkcs8-pem")  # fmt: skip
    (tmp_path / "locked.key").write_bytes(locked)
    assert connect(key_file="locked.key", passphrase="right").probe().ok
    for wrong in ("", "wrong"):
        with pytest.raises(SetupError, match="CB-104"):
            taken(connect(key_file="locked.key", passphrase=wrong))


@pytest.mark.parametrize("pinned", ["ssh-ed25519 garbage", "ssh-ed25519"])
def test_a_garbled_host_key_is_a_matter_of_set_up(connect, pinned):
    with pytest.raises(SetupError, match="CB-104"):
        taken(connect(known_hosts=pinned))


def test_a_password_works_where_there_are_no_keys(connect):
    assert connect(key_file="", password="right").probe().ok
    wrong = connect(key_file="", password="wrong")
    with pytest.raises(SetupError, match=r"refused bridge \(CB-106\)"):
        taken(wrong)
    assert "wrong" not in repr(wrong.settings)


def test_a_missing_folder_is_named_by_the_probe(partner, connect):
    (partner.root / "held").rmdir()
    probe = connect().probe()
    assert (probe.ok, probe.message.endswith("has no folder held")) == (False, True)
    (partner.root / "in").rmdir()
    with pytest.raises(SetupError, match="CB-109"):
        taken(connect())
