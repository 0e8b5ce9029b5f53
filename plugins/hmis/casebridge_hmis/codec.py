"""``hmis-csv`` (FY2026) and ``hmis-csv-2024``: HMIS CSV in a zip, tolerant on reading, strict on writing."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, BinaryIO, ClassVar

from casebridge import Context, Native, OutFile, Released, RenderContext, Settings
from casebridge.core.errors import RecordError
from casebridge_hmis.archive import Archive
from casebridge_hmis.carrying import carry
from casebridge_hmis.export import export_row
from casebridge_hmis.heading import said_by
from casebridge_hmis.reading import Reading
from casebridge_hmis.screening import screen
from casebridge_hmis.settings import HmisSettings
from casebridge_hmis.spec import FY2024, FY2026, Spec
from casebridge_hmis.writing import Writing


class HmisCsv:
    """HMIS CSV FY2026. One zip is one payload; its key is ExportID."""

    spec: ClassVar[Spec] = FY2026
    name: ClassVar[str] = FY2026.format
    heading: ClassVar[str] = f"{FY2026.format}/Export"
    capabilities: ClassVar[frozenset[str]] = frozenset({"identity", "parse", "render", "screen"})
    Settings: ClassVar[type[Settings]] = HmisSettings

    def __init__(self, settings: HmisSettings, context: Context) -> None:
        self.settings, self.context = settings, context

    def identity(self, stream: BinaryIO) -> str | None:
        """ExportID, or None when the payload cannot be read."""
        try:
            with closing(Archive(stream, self.settings.max_bytes)) as archive:
                return export_row(archive)[1]["ExportID"].strip()
        except RecordError:
            return None

    def parse(self, stream: BinaryIO, shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[Native | RecordError]:
        """Joined records (see ``reading``). The joins are those of the files' keys, whatever ``shapes`` says."""
        with closing(Archive(stream, self.settings.max_bytes)) as archive:
            reading = Reading(archive, self.spec, strict=self.settings.strict, hashed=self.settings.hashed)
            with closing(reading.shelf):
                yield from reading.natives()

    def render(self, records: Sequence[Released], context: RenderContext) -> Iterator[OutFile]:
        """One zip with a whole small export: what changed and every row it points to (a delta)."""
        out = io.BytesIO()
        for _, error in self.gather(records, context, out):
            raise error
        name = re.sub(r"[^0-9A-Za-z_-]", "-", context.dispatch)
        yield OutFile(f"casebridge-{name}.zip", out.getvalue(), "application/zip", tuple(range(len(records))))

    def gather(
        self, records: Sequence[Released], context: RenderContext, out: BinaryIO
    ) -> Iterator[tuple[int, RecordError]]:
        """The same of any number of records, which wait on disk."""
        yield from Writing(self.spec, self.settings, self.context, context).export(records, out)

    def headed(self, heading: Native) -> Mapping[str, str]:
        """What an export made of another one says as that did, of whichever year it was (see ``heading``)."""
        known = heading.type in (HmisCsv.heading, HmisCsv2024.heading)
        return said_by(self.spec, self.settings, heading.data) if known else {}

    def screen(self, stream: BinaryIO, out: BinaryIO) -> bool:
        """The export without what may be a victim service provider's client's (34 U.S.C. 12291(b)(2)); False: none."""
        with closing(Archive(stream, self.settings.max_bytes)) as archive:
            reading = Reading(archive, self.spec, hashed="blank")
            with closing(reading.shelf):
                reading.look()
                for _ in reading.directory():
                    pass  # its errors are told when the export is read
                if not reading.leaves_out():
                    return False
                screen(reading, out)
        return True

    def carry(self, original: BinaryIO, natives: Iterable[Native], out: BinaryIO) -> None:
        """``original`` again with the rows of ``natives`` in it (see ``carrying``)."""
        with closing(Archive(original, self.settings.max_bytes)) as archive:
            carry(archive, self.spec, natives, out)


class HmisCsv2024(HmisCsv):
    """HMIS CSV FY2024: the same with the tables of that year."""

    spec: ClassVar[Spec] = FY2024
    name: ClassVar[str] = FY2024.format
    heading: ClassVar[str] = f"{FY2024.format}/Export"
