"""What came breaks off while it is read: a share, the database or this machine's disk is away. That says nothing
of the payload: it is not held, and is read again when what was missing is back."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sites import TestSite, bundle, food_referral, patient

from casebridge.core.errors import TryAgain
from casebridge.engine import intake
from casebridge.store import payloads
from casebridge.store.database import Connection, StoreTrouble

TROUBLES = [TryAgain("CB-401", "reading stopped"), OSError(errno.EIO, "a share"), OSError(errno.ENOSPC, "no space")]
Make = Callable[..., TestSite]


class Broken(io.BytesIO):
    """A stream that gives some bytes and then breaks off."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.given = error, False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.given:
            raise self.error
        self.given = True
        return b'{"resourceType": '


def breaks(site: TestSite, name: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hospital's file of that name cannot be read to its end."""
    link: Any = site.bridge.site.partners["hospital"].link
    receive = link.receive

    def broken(cursor: str | None) -> Iterator[Any]:
        for payload in receive(cursor):
            yield replace(payload, stream=Broken(error)) if payload.name == name else payload

    monkeypatch.setattr(link, "receive", broken)


@pytest.mark.parametrize("error", TROUBLES, ids=str)
def test_a_payload_that_breaks_off_stays_where_it_is_and_so_does_what_came_after_it(
    make_site: Make, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    site = make_site()
    for number in (1, 2, 3):
        site.drop_quietly("hospital", f"{number}.json", bundle(patient(f"p{number}", None)))
    with monkeypatch.context() as patch:
        breaks(site, "2.json", error, patch)
        site.work()
        assert site.held() == []
        assert {f.name for f in (site.folder / "hospital" / "in").iterdir()} == {"2.json", "3.json"}
        assert list(site.bridge.lanes.problems) == ["hospital"]
    site.work()
    kept = [m.external_id for m in site.messages(kind="fhir-r4/Patient", state="done")]
    assert kept == ["Patient/p1", "Patient/p2", "Patient/p3"]
    assert site.bridge.lanes.problems == {}


def test_a_full_disk_for_temporary_files_is_no_fault_of_the_payload(
    make_site: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site()
    site.drop_quietly("hospital", "1.json", food_referral())
    with monkeypatch.context() as patch:
        full = lambda max_size: open("/dev/full", "wb", buffering=0)  # noqa: E731, SIM115
        patch.setattr(intake.tempfile, "SpooledTemporaryFile", full)
        site.work()
        assert site.messages() == []
    site.work()
    assert len(site.out("agency")) == 1


def test_a_database_that_goes_while_a_payload_is_understood_holds_nobody(
    make_site: Make, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(store=store_url)
    monkeypatch.setattr(payloads, "PART", 500)  # many looks for one payload
    site.drop_quietly("hospital", "1.json", food_referral())
    looks = 0

    @contextmanager
    def away(self: payloads.PayloadStream) -> Iterator[Connection]:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise StoreTrouble("gone")
        with site.bridge.site.store.read() as c:
            yield c

    class Store:
        read = away

    real = payloads.PayloadStream.__init__
    monkeypatch.setattr(payloads.PayloadStream, "__init__", lambda self, store, id_: real(self, Store(), id_))
    with pytest.raises(StoreTrouble):
        site.work()
    assert site.held() == []
    site.work()
    assert {m.state for m in site.messages()} == {"done"}
    assert len(site.out("agency")) == 1
