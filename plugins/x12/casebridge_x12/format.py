"""The ``x12`` format: 834 files (005010X220A1) and 271 answers (005010X279A1), read as one record for each person."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar, cast

from pydantic import Field, SecretStr

from casebridge import Context, Native, OutFile, Released, RenderContext
from casebridge import Settings as BaseSettings
from casebridge.core.errors import Held, RecordError, SetupError
from casebridge_x12.envelope import Envelope, check_envelope
from casebridge_x12.members import Members
from casebridge_x12.reader import SEGMENT_LIMIT, raw_segments, segments
from casebridge_x12.records import Reading, Records
from casebridge_x12.responses import Responses

USAGE = {"prod": "P", "test": "T"}  # ISA15
IDENTITY_LENGTH = 120
SPOOL = 8 << 20  # bytes of an unseekable stream kept in memory before a temporary file is used


class Settings(BaseSettings):
    """Of one partner who sends 834 files or 271 answers."""

    member_ref: str = Field(
        "", pattern=r"^[A-Z0-9]{0,3}$",
        description="REF01 (834: loop 2000, 271: loop 2100) that carries every person's own id, if one does",
    )
    id_key: SecretStr = Field(SecretStr(""), description="key for hashed member ids; changing it changes those ids")
    segment_limit: int = Field(SEGMENT_LIMIT, ge=256, description="longest segment, in bytes")
    member_limit: int = Field(5000, ge=10, description="most segments in one member's loop")
    member_size: int = Field(1 << 21, ge=1 << 12, description="most bytes in one member's loop")


class X12:
    """Reads. Writing X12 files is not a capability yet."""

    name: ClassVar[str] = "x12"
    capabilities: ClassVar[frozenset[str]] = frozenset({"identity", "parse"})
    Settings: ClassVar[type[BaseSettings]] = Settings

    def __init__(self, settings: Any, context: Context) -> None:
        self._settings = cast(Settings, settings)
        self._context = context

    def identity(self, stream: BinaryIO) -> str | None:
        """``ISA06:ISA13`` of every interchange, joined by ``+``; None when it is not whole or none of ours.

        A file that is cut off has no identity: the whole file, sent again under the same control number, is not its
        duplicate.
        """
        try:
            envelope = self._check(stream)
        except RecordError:
            return None
        text = "+".join(f"{i.sender}:{i.control}" for i in envelope.interchanges)
        return text if len(text) <= IDENTITY_LENGTH else "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def parse(self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[Native | RecordError]:
        """Two passes over a seekable stream: the whole envelope first, then person by person.

        Raises RecordError CB-303, CB-304, CB-310 to CB-315 for a file that cannot be trusted and Held CB-508 when ISA15
        is for the other environment, both before the first record; yields CB-301, CB-302, CB-304, CB-316 for a member.
        """
        with _seekable(stream) as source:
            start = source.tell()
            envelope = self._check(source)
            self._check_environment(envelope)
            source.seek(start)
            yield from Records(
                segments(source, limit=self._settings.segment_limit), envelope.warnings, self._readings(),
                limit=self._settings.member_limit, size=self._settings.member_size,
            )  # fmt: skip

    def render(self, records: Sequence[Released], context: RenderContext) -> Iterator[OutFile]:
        """Refused with SetupError CB-101: this format only reads."""
        raise SetupError(
            "CB-101", "the x12 format reads X12 files but does not write them",
            remedy="Give this partner no outgoing route, or another format for what goes out.",
        )  # fmt: skip

    def _readings(self) -> dict[str, Reading]:
        """Who reads which transaction set (ST01)."""
        ids = self._settings.member_ref, self._settings.id_key.get_secret_value().encode()
        return {"834": Members(*ids), "271": Responses(*ids)}

    def _check(self, stream: BinaryIO) -> Envelope:
        return check_envelope(raw_segments(stream, limit=self._settings.segment_limit))

    def _check_environment(self, envelope: Envelope) -> None:
        wanted = USAGE[self._context.environment]
        for interchange in envelope.interchanges:
            if interchange.usage != wanted:
                raise Held(
                    "CB-508", f"segment {interchange.segment}: ISA15 is {interchange.usage[:1] or 'empty'}, but this "
                    f"partner is set up for {self._context.environment} (ISA15 = {wanted})", who="it",
                )  # fmt: skip


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream itself, or a copy: in memory while it is small, else in a nameless file that goes with this block."""
    if stream.seekable():
        yield stream
        return
    with tempfile.SpooledTemporaryFile(max_size=SPOOL) as spool:
        while chunk := stream.read(1 << 20):
            spool.write(chunk)
        spool.seek(0)
        yield cast(BinaryIO, spool)
