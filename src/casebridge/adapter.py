"""What an adapter may give: formats, links, doors, converters (design, section 7). It imports from ``casebridge`` and
``casebridge.core`` only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from casebridge.core.converter import Converter as Converter
from casebridge.core.errors import CaseBridgeError, Position, RecordError
from casebridge.core.native import Element
from casebridge.core.notes import Notes, Scratch
from casebridge.core.population import Headway, Population, Withdrawal
from casebridge.core.released import CONVERSION, Released
from casebridge.core.steps import Step
from casebridge.core.subscriptions import Subscriptions


class Settings(BaseModel):
    """Base of every adapter's settings: makes the form, the docs and the validation.

    Mark secrets with ``pydantic.SecretStr``; in casebridge.toml they are ``env:NAME`` or ``file:/path``,
    resolved before the model sees them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter learns of the site it works for."""

    partner: str
    environment: Literal["prod", "test"] = "prod"
    timezone: str = "UTC"
    base_dir: str = "."  # where relative paths in settings start: the folder of casebridge.toml
    partners_url: str = ""  # where partners find our doors: each is below it under its name
    notes: Notes = field(default_factory=Scratch, compare=False)


# --- formats -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Native:
    """One record in the partner's own notation, as nested plain dicts (no floats: numbers keep their text).

    ``type`` names the record (``fhir-r4/Task``, ``hmis-csv/Client``, ``x12/834-member``) as maps do in ``other:``.
    ``external_id`` is the partner's id of it, ``version`` the partner's version if it has one,
    ``order_key`` the partner's id of the person it is about (records of one key are applied in order).
    ``change``: it says only what changed; what it does not say stays as it was (``core/changes.py``).
    ``coverage``: it is a payer's word about one person and their coverage, each known by what is said of it and not by
    an id of its own (``engine/coverages.py``).
    """

    type: str
    data: dict[str, Any]
    position: Position
    external_id: str
    version: str = ""
    order_key: str = ""
    change: bool = False
    coverage: bool = False


@dataclass(frozen=True, slots=True)
class OutFile:
    """One rendered file. ``records`` are the indexes, in the sequence given to ``render``, of what is inside."""

    name: str
    data: bytes
    media_type: str
    records: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderContext:
    """``dispatch`` is the id of what is being rendered, ``now`` an aware datetime (the only clock to use).

    ``heading`` is what the file is to say of itself as the file did that it is made of (see :class:`Headed`).
    """

    dispatch: str
    now: datetime
    environment: Literal["prod", "test"] = "prod"
    partner: str = ""
    heading: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Screening(Protocol):
    """A format with the capability ``screen``: some of what its partners send must never be stored."""

    def screen(self, stream: BinaryIO, out: BinaryIO) -> bool:
        """Write to ``out`` what may be kept; False, and nothing written, when all of it may.

        Raises RecordError when that cannot be told; then nothing is stored.
        """


@runtime_checkable
class Naming(Protocol):
    """A format in which records are referred to in a way of its own (FHIR: ``Patient/1``)."""

    def named(self, native_type: str, key: str) -> tuple[str, Mapping[str, Any]]:
        """How a record of this type and key is referred to, and the fields that hold its id: ``("Patient/1",
        {"id": "1"})``. The same key gives the same name each time."""


@runtime_checkable
class Gathering(Protocol):
    """A format that makes one file of any number of records without holding them all (HMIS: a zip; FHIR: a Bundle).

    A format without it can be converted to as well, if its records can be rendered one by one and all as one file.
    """

    def gather(
        self, records: Sequence[Released], context: RenderContext, out: BinaryIO
    ) -> Iterator[tuple[int, CaseBridgeError]]:
        """Write one file of all records to ``out`` (seekable), reading ``records`` from first to last.

        A record that cannot be in it is *yielded*: its index, and why; what others hang on comes before them. After
        that ``out`` is worth nothing, and the rest is gathered again without it; else it holds the file at the end.
        """


@runtime_checkable
class Headed(Protocol):
    """A format whose files say something of themselves: who made them, from which day to which day they reach."""

    heading: ClassVar[str]  # the native type of the record that says it, such as ``hmis-csv/Export``

    def headed(self, heading: Native) -> Mapping[str, str]:
        """What a file of this format says of itself when it is made of the file with this ``heading``."""


@runtime_checkable
class Format(Protocol):
    """A pure codec, streaming. Made once per partner from ``Settings`` (``format_settings`` in casebridge.toml)."""

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[str]]  # identity, parse, render, screen, check, notices (room for a Part 2 notice)
    Settings: ClassVar[type[Settings]]

    def __init__(self, settings: Any, context: Context) -> None: ...

    def identity(self, stream: BinaryIO) -> str | None:
        """The payload's own key (ISA06 + ISA13; type/id/versionId; ExportID), or None. Must not fail on bad input."""

    def parse(self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[Native | RecordError]:
        """The payload's records in order; a bad record is *yielded* as a RecordError and the rest goes on.

        A payload that cannot be trusted as a whole (truncated, wrong counts) *raises* RecordError before the
        first record is yielded. ``shapes`` holds each map's ``shape:`` by native type.
        """

    def render(self, records: Sequence[Released], context: RenderContext) -> Iterator[OutFile]:
        """Files from native documents, strict; raises RecordError when a required column is missing."""


@dataclass(frozen=True, slots=True)
class Natives:
    """The native records of one ``prefix`` (``fhir-r4``), and what may stand where in them.

    ``element(record, shape, folder)`` gives the schema of ``<prefix>/<record>`` with the parents and children that a
    map's ``shape:`` joins to it, or None for a record it does not know; ``folder`` is the map's own, for files the
    shape names. ``records`` are the known names, for pages and for "did you mean". ``text``: every value of the
    format is text (a CSV cell, an X12 element), whatever its Element says that it looks like.
    """

    prefix: str
    records: tuple[str, ...]
    element: Callable[[str, Mapping[str, Any], Path], Element | None]
    text: bool = False


# --- links ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Payload:
    """Raw bytes as they came. ``token`` is the link's own handle for ``settle``: another one when the content may be
    another. Until it was settled, the same content under the same token is the same payload.

    ``cursor``, when set, is committed together with the payload and given to the next ``receive``.
    """

    name: str
    stream: BinaryIO
    media_type: str = "application/octet-stream"
    cursor: str | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a payload at the first stop."""

    state: Literal["accepted", "duplicate", "held"]
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One outgoing payload: rendered files, and the releases they were rendered from (same order as ``render``).

    ``reply_url`` is set for carriers whose partner answers on our form; it works until ``reply_until`` (aware,
    in the site's time zone).
    """

    id: str
    partner: str
    files: tuple[OutFile, ...]
    releases: tuple[Released, ...]
    reply_url: str = ""
    reply_until: datetime | None = None

    def __post_init__(self) -> None:
        """Nothing can be sent that was not released: TypeError otherwise."""
        if not self.releases or not all(isinstance(r, Released) for r in self.releases):
            raise TypeError("a dispatch is made of Released documents and nothing else")
        if any(r.purpose == CONVERSION for r in self.releases):
            raise TypeError("a converted file was decided for nobody, so it goes to nobody")
        for file in self.files:
            if not file.records or not all(0 <= n < len(self.releases) for n in file.records):
                raise TypeError("every file of a dispatch names the releases it was rendered from")


@dataclass(frozen=True, slots=True)
class Thing:
    """What the partner now holds for record ``record`` of the dispatch: its id, version and text as stored there."""

    record: int
    external_id: str
    version: str = ""
    original: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The partner has it."""

    reference: str = ""
    things: tuple[Thing, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Their version moved on: prepare again on these originals."""

    message: str
    things: tuple[Thing, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """One line of ``casebridge doctor``."""

    ok: bool
    message: str


@runtime_checkable
class Link(Protocol):
    """A carrier we drive. Sync; it runs in a thread. Raises TryAgain, SetupError or RecordError, nothing else.

    It may have a ``window``: how many dispatches may be on their way at once. After a crash each of them is looked
    for with ``find``, and what is not found is sent again; a link that cannot tell has none, and sends one at a time.

    ``finds = True`` says that None from ``find`` means *not there*. Of any other link it means that nobody can tell,
    and what is sent again is on the books as perhaps received twice.

    ``latest_only = True`` says that what is received is where a thing stands: steps in between may never be seen.

    ``shelves = True`` says that the partner comes for it: what is sent lies on its shelf at the door of the same name.

    ``keyed = True`` says that the partner honours the key: what comes twice under it has one effect there. What was
    delivered is replayed without a question only where a link ``finds`` or is ``keyed``.

    It may have ``every``, the seconds between two askings, and it may change: no sooner, unless a person asks.

    ``doors`` names the doors that are opened with it: where the partner finds what it needs of us, such as our keys.

    It may have a ``remark`` for people, without personal data; "" for nothing. It is read after each ``receive``.

    Nothing it does may last for ever: the set-up limits the wait for a connection, silence, and the whole.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[Settings]]

    def __init__(self, settings: Any, context: Context) -> None: ...

    def receive(self, cursor: str | None) -> Iterator[Payload]:
        """What is new since ``cursor``; each payload is read before the next is asked for, and several are committed
        together: only ``settle`` says that one is safe."""

    def settle(self, payload: Payload, outcome: Outcome) -> None:
        """Tell the sender, after the commit. Idempotent: it may be called again after a crash."""

    def send(self, dispatch: Dispatch, key: str) -> Receipt | Conflict:
        """Hand the dispatch over; ``key`` makes a repeat recognisable wherever the partner has room for it."""

    def find(self, dispatch: Dispatch, key: str) -> Receipt | Conflict | None:
        """After a crash in mid-send: what the partner already has. None means: not there, or nobody can tell."""

    def probe(self) -> Probe:
        """Can the partner be reached with these settings? Changes nothing there."""

    def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class Bulk(Protocol):
    """A link that hands over many dispatches for little more than the price of one."""

    def send_all(
        self, sendings: Sequence[tuple[Dispatch, str]]
    ) -> Sequence[Receipt | Conflict | CaseBridgeError]:
        """``send`` for each (dispatch, key), in order; what became of each, errors given and not raised."""


@runtime_checkable
class Loading(Protocol):
    """A link that can hand over all records of a population (FHIR: Bulk Data Access)."""

    def load(self, wanted: Population, cursor: str) -> Iterator[Payload | Withdrawal | Headway]:
        """Its files; ``cursor`` is that of the last Headway, "" at the start. Each payload is read before the next is
        asked for, and a Headway follows with the cursor behind it. Raises as ``receive``."""

    def withdrawn(self, document: Mapping[str, Any]) -> bytes | None:
        """A payload in which the record says that it counts no more; None when it has nothing to say."""


@runtime_checkable
class Examined(Protocol):
    """A link that ``casebridge doctor`` can follow step by step; of any other it shows the ``probe``."""

    def examine(self) -> Iterator[Step]:
        """Each step in its order, those after a failure as not tried. Raises nothing, changes nothing there, and says
        nothing of any person and no secret. Each ``remedy`` is in the words of whoever has to act."""


@runtime_checkable
class Expiring(Protocol):
    """A link that knows of certificates with an end: an alarm rings before."""

    def expiries(self) -> Mapping[str, date]:
        """The last day of each, by a name for people without personal data (``ca_file``). Must not fail or wait."""


# --- doors ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission: ``message`` in plain words for the person at the form."""

    state: Literal["accepted", "duplicate", "refused"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Shelved:
    """One version of a native record that a partner may read at a door: its own words, or what was released to it.

    ``at``: when it came to be (a Moment in UTC). ``released`` is None when it was withdrawn.
    """

    type: str
    id: str
    version: int
    at: str
    released: Released | None


@dataclass(frozen=True, slots=True)
class Wish:
    """A native record as a partner wants it to be, as its version ``version``; ``document`` None withdraws it."""

    type: str
    id: str
    version: int
    document: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Sought:
    """What a list is asked for: each of ``keys`` names values of which one must do (see :class:`Searched`); ``since``
    and ``until`` bound the moment of the current version, inclusive. Without ``ids`` any id will do."""

    keys: tuple[tuple[str, frozenset[str]], ...] = ()
    ids: frozenset[str] | None = None
    since: str = ""
    until: str = ""
    newest_first: bool = False


class MovedOn(Exception):
    """The partner's record is not at the version that a wish was made upon; ``version`` is where it stands."""

    def __init__(self, type_: str, id_: str, version: int) -> None:
        super().__init__(f"{type_}/{id_} is at version {version}")
        self.type, self.id, self.version = type_, id_, version


@runtime_checkable
class Searched(Protocol):
    """A format whose records can lie on a partner's shelf and be looked for there."""

    def shelved(self, document: Mapping[str, Any]) -> tuple[str, str]:
        """Type and id of a native record: ``("Patient", "1")``."""

    def keys(self, document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """What it is found by: name of a search parameter and a value, exact. Must not fail."""


class Shelf(Protocol):
    """What each partner of a door may read there, and the one way to write to it.

    All functions wait for the database. Whatever a partner may not see is not there: rights are looked at anew each
    time, and what was said by others than the reader is on the books each time it is shown.
    """

    @property
    def partners(self) -> Mapping[str, Link]:
        """The partners that use this door, each with the link that was made from its settings."""

    def now(self) -> datetime:
        """The only clock to use."""

    def read(self, partner: str, type_: str, id_: str, version: int | None = None) -> Shelved | None:
        """A record as it is, or one version of it."""

    def versions(self, partner: str, type_: str, id_: str, limit: int) -> list[Shelved]:
        """Its versions, the newest first."""

    def listed(
        self, partner: str, type_: str, sought: Sought, after: tuple[str, str] | None, limit: int
    ) -> tuple[list[Shelved], tuple[str, str] | None]:
        """Current records by their moments, behind ``after``, and where the next list begins (None at the end)."""

    def write(self, partner: str, wishes: Sequence[Wish], payload: bytes, media_type: str) -> list[Shelved]:
        """Apply ``payload``, which says what the ``wishes`` say, all or nothing: what it asserts is applied, and can be
        read, when this returns. Raises MovedOn, RecordError, Held or StoreTrouble; then nothing was kept."""

    def turn(self, partner: str) -> AbstractContextManager[None]:
        """While it lasts nobody else, in no process of the site, has this partner's turn. Raises TryAgain."""

    def first_time(self, name: str, until: datetime) -> bool:
        """Is this the first use of what may be used once? Remembered until then, in all processes of the site."""


class Doorway(Protocol):
    """All a door can do: show what is released for a token, and submit a payload for it; or let partners read and
    write what lies on their shelves."""

    @property
    def shelf(self) -> Shelf:
        """What the partners of this door may read, and write to."""

    def released(self, token: str) -> Released | None:
        """What the bearer of this token may see, or None (unknown, expired, used up, revoked)."""

    def submit(self, token: str, data: bytes, media_type: str) -> Submitted:
        """Put an answer on the first stop; durable when this returns."""

    @property
    def subscriptions(self) -> Subscriptions:
        """Which partners of this door are told when something on their shelf changes."""

    @property
    def partners(self) -> Mapping[str, Link]:
        """The partners that are not off and use this door, or whose link opens it, each with its link."""

    def ask(self, partner: str, missed: int = 0) -> None:
        """Let the partner's link be asked for what is new now and not at its time: at most once a second, and also
        after a crash. ``missed``: of so much that was new we were not told; that is written down."""


@runtime_checkable
class Door(Protocol):
    """A carrier they drive: a FastAPI router mounted on the partners' listener."""

    name: ClassVar[str]
    Settings: ClassVar[type[Settings]]

    def __init__(self, settings: Any, context: Context) -> None: ...

    def router(self, doorway: Doorway) -> Any:
        """The ``fastapi.APIRouter`` to mount under ``/<door name>``."""
