"""One side of a translation: a format made without a partner, the maps for it, and its records in a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import ValidationError

from casebridge.adapter import Context, Format, Native, Screening
from casebridge.core.errors import Held, Position, RecordError, SetupError
from casebridge.core.jsontext import loads
from casebridge.core.native import Element
from casebridge.mapping import MapSet
from casebridge.mapping.checking import element_of
from casebridge.mapping.inspection.places import at
from casebridge.translating.workshop import Workshop

IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Side:
    """A format and the set of maps for its records."""

    word: str
    format: Format
    maps: MapSet
    elements: Mapping[str, Element] = field(default_factory=dict)  # the schema of each map's records, by the map's name

    def natives(self, file: Path) -> Iterator[Native | RecordError]:
        """The records of a file in order, without those its format keeps behind a wall; a bad one is a RecordError."""
        with file.open("rb") as stream, _behind_the_wall(self.format, stream) as kept:
            try:
                yield from self.format.parse(kept, self.maps.shapes)
            except Held as error:
                raise _without_partner(error) from None

    def parents(self, native_type: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """(name, native type, key) of the records that a map joins to this one (``shape.parents``)."""
        prefix = native_type.partition("/")[0]
        for map_ in (m for m in self.maps if m.other == native_type):
            for name, parent in (map_.shape.get("parents") or {}).items():
                key = at(data, str(parent.get("follow", "")))
                if isinstance(key, str):
                    yield name, f"{prefix}/{parent.get('type', '')}", key


def side(
    workshop: Workshop, word: str, settings: Mapping[str, str], environment: Literal["prod", "test"] = "prod"
) -> Side:
    """The side called ``word``: a set of maps, a map, or a format that one set is for. SetupError CB-240 or CB-241."""
    maps = _maps(workshop, word)
    prefixes = sorted({m.other.partition("/")[0] for m in maps})
    if len(prefixes) > 1:
        raise SetupError("CB-241", f"the maps `{word}` are for {' and '.join(prefixes)}; name one map or set of one")
    known = {m.name: element for m in maps if (element := element_of(m, workshop.registry.natives)) is not None}
    return Side(word, made_format(workshop, prefixes[0], settings, maps, environment), maps, known)


def _without_partner(error: Held) -> Held:
    """There is no partner here whose settings say whether files are tests: ``--test`` says it."""
    if error.code != "CB-508":
        return error
    said = error.message.partition(", but this partner")[0]
    return Held(error.code, f"{said}: the file is read as one for production unless you say `--test`, and as a test "
                "if you do", who="it", remedy="Say --test for a test file, leave it out for any other.")  # fmt: skip


def made_format(
    workshop: Workshop, name: str, settings: Mapping[str, str], maps: MapSet, environment: Literal["prod", "test"]
) -> Format:
    """The format of that name, set up from ``NAME=VALUE`` settings; the maps' ``shape`` may name its layout."""
    kind = workshop.registry.format(name)
    known = kind.Settings.model_fields
    shaped = {k: v for m in maps for k, v in m.shape.items() if k in known and isinstance(v, str)}
    context = Context(partner="file", environment=environment, base_dir=str(workshop.own.parent))
    try:
        return kind(kind.Settings.model_validate({**shaped, **settings}), context)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "settings"
        raise SetupError("CB-241", f"the format {name} needs its settings: {field}: {first['msg']}") from None


def plain_records(file: Path, native_type: str) -> Iterator[Native]:
    """The records of a JSON file that holds one native record as maps see it, or a list of them."""
    try:
        value = loads(file.read_bytes())
    except ValueError as error:
        raise RecordError("CB-303", str(error), position=Position(file=file.name)) from None
    for number, data in enumerate(value if isinstance(value, list) else [value]):
        if not isinstance(data, dict):
            raise RecordError("CB-303", "a record is a group of fields", position=Position(pointer=f"/{number}"))
        yield Native(native_type, data, Position(pointer=f"/{number}"), _id_of(data, number))


def _id_of(data: Mapping[str, Any], number: int) -> str:
    return str(data.get("id") or number + 1)


def _maps(workshop: Workshop, word: str) -> MapSet:
    if word not in workshop.registry.formats or any((folder / word).is_dir() for folder in workshop.folders):
        return workshop.set_of(word)
    sets = sorted({n.partition("/")[0] for n in workshop.names()})
    found = [maps for name in sets for maps in [workshop.set_of(name)] if all(_is_of(m.other, word) for m in maps)]
    if len(found) != 1:
        names = ", ".join(maps.name for maps in found) or "none"
        raise SetupError("CB-241", f"for the format {word} there are these sets of maps: {names}; name one of them")
    return found[0]


def _is_of(native_type: str, format_: str) -> bool:
    return native_type.partition("/")[0] == format_


@contextmanager
def _behind_the_wall(format_: Format, stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream without what may never be stored, as at the gateway's first stop."""
    if not isinstance(format_, Screening):
        yield stream
        return
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as kept:
        some_is_left_out = format_.screen(stream, kept)  # type: ignore[arg-type]
        source: Any = kept if some_is_left_out else stream
        source.seek(0)
        yield source
