"""A population from one export: its files in their order, several fetched ahead, and where to go on after a crash."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import orjson

from casebridge import Headway, Payload, Population, Withdrawal
from casebridge.core.errors import RecordError, TryAgain
from casebridge_fhir.bulk.export import Export, File, Manifest
from casebridge_fhir.bulk.files import NDJSON, Fetched, Files, Gone
from casebridge_fhir.bulk.ndjson import resources
from casebridge_fhir.outcomes import codes
from casebridge_fhir.references import RELATIVE
from casebridge_fhir.settings import RestSettings

log = logging.getLogger("casebridge.fhir")
PREFIX = "fhir-r4/"
MOST_EXPORTS = 3  # begun for one load, when they expire before they are read


@dataclass(frozen=True, slots=True)
class Place:
    """How far a load is: which export, for what, and how many of its files are safe."""

    url: str
    wanted: str
    digest: str = ""
    next: int = 0

    @property
    def text(self) -> str:
        """As it is kept."""
        return orjson.dumps([self.url, self.wanted, self.digest, self.next]).decode()


class Load:
    """One load. Whatever is given was read to its end; what is behind the last cursor comes again after a crash."""

    def __init__(self, settings: RestSettings, export: Export, files: Files) -> None:
        self._settings, self._export, self._files = settings, export, files

    def steps(self, wanted: Population, cursor: str) -> Iterator[Payload | Withdrawal | Headway]:
        """See ``casebridge.Loading``."""
        place = self._again(wanted, cursor)
        for _ in range(MOST_EXPORTS):
            if place is None:
                place = Place(self._export.begin(wanted), _key(wanted))
                yield Headway("the export was asked for", cursor=place.text)
            try:
                moment = yield from self._read(place, wanted)
            except Gone:
                yield Headway("the export has expired there; a new one begins")
                place = None
                continue
            self._export.delete(place.url)
            yield Headway(f"as of {moment}" if moment else "all was read", cursor="")
            return
        raise TryAgain("CB-401", "the server throws each export away before it could be read")

    def _again(self, wanted: Population, cursor: str) -> Place | None:
        """Where an earlier load of the same was left; one of something else is given up, there too."""
        place = Place(*orjson.loads(cursor)) if cursor else None
        if place is not None and place.wanted != _key(wanted):
            self._export.delete(place.url)
            return None
        return place

    def _read(self, place: Place, wanted: Population) -> Generator[Payload | Withdrawal | Headway, None, str]:
        manifest = None
        for found in self._export.awaited(place.url):
            if isinstance(found, Headway):
                yield found
            else:
                manifest = found
        assert manifest is not None  # noqa: S101  (the last thing that awaited gives)
        if place.digest not in ("", manifest.digest):
            log.info("the export lists other files than before; reading it from the start")
            place = replace(place, next=0)
        yield from self._all(manifest, replace(place, digest=manifest.digest), wanted)
        return manifest.moment

    def _all(self, manifest: Manifest, place: Place, wanted: Population) -> Iterator[Payload | Withdrawal | Headway]:
        files, of = manifest.files[place.next :], len(manifest.files)
        with ThreadPoolExecutor(self._settings.load_parallel, "casebridge-load") as pool:
            ahead: deque[tuple[File, Future[Fetched | RecordError] | None]] = deque()
            try:
                rest = iter(files)
                while True:
                    while len(ahead) < 2 * self._settings.load_parallel and (file := next(rest, None)):
                        asked = _is_wanted(file, wanted)
                        future = pool.submit(self._fetched, file, manifest.needs_token) if asked else None
                        ahead.append((file, future))
                    if not ahead:
                        return
                    file, future = ahead.popleft()
                    if future is not None:
                        yield from _given(file, future.result(), place.next + 1)
                    place = replace(place, next=place.next + 1)
                    yield Headway(f"{file.part} {file.type}".strip(), place.next, of, place.text)
            finally:
                _let_go(ahead)

    def _fetched(self, file: File, needs_token: bool) -> Fetched | RecordError:
        try:
            return self._files.fetch(file.url, with_token=needs_token)
        except RecordError as error:
            return error


def _is_wanted(file: File, wanted: Population) -> bool:
    """Some servers export more than they were asked for."""
    return file.part != "output" or not wanted.types or file.type in wanted.types


def _given(file: File, fetched: Fetched | RecordError, number: int) -> Iterator[Payload | Withdrawal | Headway]:
    if isinstance(fetched, RecordError):
        yield Payload(_name(file, number), _Refused(fetched), NDJSON)  # type: ignore[arg-type]
        return
    with fetched.body:
        if file.part == "output":
            if fetched.lines < file.count:  # a connection that ends without a word looks like the end of the file
                said = f"{_name(file, number)} has {fetched.lines} records; the server says {file.count}"
                yield Headway(said, remark=True)
            if fetched.lines:
                yield Payload(_name(file, number), fetched.body, NDJSON)
        elif file.part == "deleted":
            yield from _withdrawals(fetched.body)
        elif said := _remarks(fetched.body):
            yield Headway(f"the server could not export everything: {said}", remark=True)


def _name(file: File, number: int) -> str:
    """What the file is called in the books: the server's own names can say more than we want to keep."""
    kind = file.type if file.type.isalpha() else "export"
    return f"{kind}-{number:05}.ndjson"


def _withdrawals(body: BinaryIO) -> Iterator[Withdrawal]:
    """``DELETE Patient/1`` in the entries of each line's Bundle."""
    for _, found in resources(body, 32 * 1024 * 1024):
        entries = found.get("entry") if isinstance(found, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            asked = entry.get("request") if isinstance(entry, dict) else None
            if isinstance(asked, dict) and asked.get("method") == "DELETE":
                match = RELATIVE.match(str(asked.get("url")))
                if match:
                    yield Withdrawal(PREFIX + match["type"], f"{match['type']}/{match['id']}")


def _remarks(body: BinaryIO) -> str:
    """The codes of what a file of OperationOutcomes says, with their numbers; its words can quote a record."""
    counted: Counter[str] = Counter()
    for _, found in resources(body, 1024 * 1024):
        counted[(codes(found) if isinstance(found, dict) else "") or "unknown"] += 1
    return ", ".join(f"{number} {said}" for said, number in counted.most_common(5))


class _Refused:
    """A payload that cannot be read, and why."""

    def __init__(self, error: RecordError) -> None:
        self._error = error

    def read(self, _: int = -1) -> bytes:
        """Raises the RecordError."""
        raise self._error


def _key(wanted: Population) -> str:
    return orjson.dumps([wanted.group, wanted.everything, wanted.since, sorted(wanted.types)]).decode()


def _let_go(ahead: deque[tuple[File, Any]]) -> None:
    for _, future in ahead:
        if future is not None and not future.cancel():
            future.add_done_callback(_close)


def _close(future: Future[Fetched | RecordError]) -> None:
    if not future.cancelled() and not future.exception() and isinstance(fetched := future.result(), Fetched):
        fetched.body.close()
