"""The format ``flatfile``: delimited and fixed-width files by a layout file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar

from pydantic import Field

from casebridge import Context, Native, OutFile, Released, RenderContext, Settings
from casebridge.core.errors import Held, Position, RecordError, SetupError
from casebridge_flatfile.joining import join
from casebridge_flatfile.layout import load_layout
from casebridge_flatfile.lines import Lines
from casebridge_flatfile.render import write_file
from casebridge_flatfile.rows import Passed, Row, read_rows
from casebridge_flatfile.whole import FRAME, check_whole, headless, is_checked


class FlatfileSettings(Settings):
    """Which layout."""

    layout: str = Field(description="A layout file (relative to casebridge.toml), or the name of a shipped one")


class FlatfileFormat:
    """Native types ``flatfile/<record>``: each a dict of its columns' text, empty ones left out."""

    name: ClassVar[str] = "flatfile"
    capabilities: ClassVar[frozenset[str]] = frozenset({"identity", "parse", "render"})
    Settings: ClassVar[type[Settings]] = FlatfileSettings

    def __init__(self, settings: FlatfileSettings, context: Context) -> None:
        self.layout, self.context = load_layout(settings.layout, context.base_dir), context

    def identity(self, stream: BinaryIO) -> str | None:
        """The file's own number, where the layout names columns of a header record for it.

        A file that is not whole has none: the whole one, sent again under the same number, is not its duplicate.
        """
        if not self.layout.identity:
            return None
        try:
            header = self._header_of_a_whole(stream)
        except RecordError:
            return None
        values = [header.values.get(name, "") for name in self.layout.identity] if header else [""]
        return "/".join([f"flatfile:{self.layout.layout}", *values]) if all(values) else None

    def parse(
        self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Native | RecordError]:
        """The records in order; a bad row is yielded as a RecordError with its line, column and what was expected.

        Raises RecordError before the first record when the headings are not the layout's (CB-381), or when the file
        is not whole (CB-303, see ``check_whole``); Held CB-508 when the header says that the file is a test and we are
        not, or the other way round.
        """
        if not is_checked(self.layout):
            yield from self._natives(stream)
            return
        with _rewindable(stream) as twice:
            self._header_of_a_whole(twice)
            twice.seek(0)
            yield from self._natives(twice)

    def _natives(self, stream: BinaryIO) -> Iterator[Native | RecordError]:
        rows = self._data_rows(stream)
        if self.layout.join:
            yield from join(rows, self.layout, self.name)
            return
        seen: set[int] = set()
        for row in rows:
            yield row if isinstance(row, RecordError) else _native(row, seen)

    def _data_rows(self, stream: BinaryIO) -> Iterator[Row | RecordError]:
        checked = self.layout.environment is None
        for row in read_rows(Lines(stream, self.layout), self.layout):
            if isinstance(row, Passed):
                continue
            if isinstance(row, RecordError):
                yield row
            elif row.record.role == "header":
                checked = self._is_for_us(row) or checked
            elif not checked:
                raise headless(row.number)
            elif row.record.role == "data":
                yield row

    def _is_for_us(self, header: Row) -> bool:
        """True; raises Held CB-508 when the header does not name our environment."""
        asked = self.layout.environment
        if asked and header.values.get(asked.column) != getattr(asked, self.context.environment):
            raise Held(
                "CB-508", f"row {header.number}: {asked.column} does not say {self.context.environment}, but this "
                f"partner is set up for {self.context.environment}", who="it",
            )  # fmt: skip
        return True

    def _header_of_a_whole(self, stream: BinaryIO) -> Row | None:
        return check_whole(read_rows(Lines(stream, self.layout), self.layout, FRAME), self.layout)

    def render(self, records: Sequence[Released], context: RenderContext) -> Iterator[OutFile]:
        """One file with all records, in their order; SetupError CB-101 for a layout that joins rows when it reads."""
        if self.layout.join:
            raise SetupError(
                "CB-101", f"the layout {self.layout.layout} joins rows: it is read, but not written",
                remedy="Give this partner no outgoing route, or another format for what goes out.",
            )  # fmt: skip
        data = write_file(self.layout, records, context)
        media_type = "text/csv" if self.layout.kind == "delimited" else "text/plain"
        yield OutFile(
            f"{self.layout.layout}.{self.layout.extension}", data, media_type, tuple(range(len(records)))
        )


def _native(row: Row, seen: set[int]) -> Native | RecordError:
    """The record under its key; the same key a second time in one file is an error, for nobody knows which counts."""
    record, position = row.record, Position(row=row.number)
    missing = next((name for name in record.key if name not in row.values), None)
    if missing:
        return RecordError("CB-302", "a part of the key is missing", position=position, field=missing)
    external_id = _joined(record.key, row)
    key = hash((record.name, external_id))
    if record.unique and key in seen:
        return RecordError(
            "CB-301", "the same key came before in this file", position=position, field=", ".join(record.key),
            expected="each record once", external_id=external_id,
        )  # fmt: skip
    seen.add(key)
    subject = _joined(record.subject, row) if record.subject else external_id
    return Native(f"flatfile/{record.name}", dict(row.values), position, external_id, order_key=subject)


def _joined(names: Sequence[str], row: Row) -> str:
    return "|".join(row.values.get(name, "") for name in names)


@contextmanager
def _rewindable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, or a temporary copy of one that cannot go back to its start."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        yield copy
