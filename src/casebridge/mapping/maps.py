"""Maps and sets of maps: loading them from files, finding the map for a record, running it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from casebridge.adapter import Converter
from casebridge.core.case import PLURALS
from casebridge.core.errors import MapError, RecordError
from casebridge.mapping import case_paths, examples, interpreter, label_lines, lineage, notation, overlay
from casebridge.mapping.compiled import Compiled
from casebridge.mapping.converters import BUILT_IN
from casebridge.mapping.header import Tables, define
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.lineage import Lineage
from casebridge.mapping.model import Definition
from casebridge.mapping.notation import Entries
from casebridge.mapping.translate import Links

MAX_BASES = 8
_NAME = re.compile(r"[\w\-]+(\.[\w\-]+)*(/[\w\-]+(\.[\w\-]+)*)*")


@dataclass(frozen=True, slots=True, repr=False)
class Map:
    """One map: ``read`` imports, ``write`` exports. ``digest`` changes with any file the map is made of."""

    definition: Definition
    path: Path
    digest: str
    text: str = field(default="", compare=False)
    """The files it was made of as they were read, bases and code tables after it; the digest is of this."""
    below: tuple[Path, ...] = field(default=(), compare=False)
    """The files of the maps it lies over, the nearest first."""
    compiled: Compiled = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", Compiled(self.definition))

    def __repr__(self) -> str:
        return f"<Map {self.name} {self.digest[:12]}>"

    @property
    def name(self) -> str:
        """The name the map gives itself (``map:``)."""
        return self.definition.name

    @property
    def version(self) -> str:
        """The version the map gives itself."""
        return self.definition.version

    @property
    def case(self) -> list[str]:
        """The slots of the slice it fills."""
        return list(self.definition.case)

    @property
    def other(self) -> str:
        """The native type on the other side, such as ``fhir-r4/Patient``."""
        return self.definition.other

    @property
    def match(self) -> dict[str, str]:
        """When the map applies, as written: path to value or test."""
        return {
            str(c.path): "|".join(c.values) if c.test == "equal" else c.test for c in self.definition.match
        }

    @property
    def shape(self) -> dict[str, Any]:
        """How the format joins the native record (for ``Format.parse``)."""
        return dict(self.definition.shape)

    @property
    def rest(self) -> str:
        """What becomes of what no line claims: keep, report or refuse."""
        return self.definition.rest

    def matches(self, data: Mapping[str, Any]) -> bool:
        """Is this native record one the map is for (its ``match:``)?"""
        return self.compiled.matches(data)

    def fits(self, slice_: Mapping[str, Any]) -> bool:
        """Is this slice one the map writes (its ``when:``)?"""
        return interpreter.fits(self.definition, slice_)

    def read(self, data: Mapping[str, Any]) -> Imported:
        """Import: the slice of one native record. Raises RecordError or MapError (a code without a row)."""
        try:
            return self.compiled.read(data)
        except RecursionError:
            raise _too_deep(self.name) from None

    def write(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any] | None = None) -> Exported:
        """Export a slice onto ``base``, the last original seen from the partner, or onto nothing."""
        try:
            return self.compiled.write(slice_, links, base)
        except RecursionError:
            raise _too_deep(self.name) from None

    def compiled_source(self) -> str:
        """The Python that was generated for this map; each statement names its line."""
        return self.compiled.source()

    def explain(self, data: Mapping[str, Any], case_path: str) -> Lineage:
        """Which line and which place of ``data`` the value at ``case_path`` comes from."""
        return lineage.explain(self.definition, dict(data), case_path)

    def run_examples(self) -> list[str]:
        """Run the map's own examples; one message for each that does not hold."""
        return examples.run(self.definition)


def _too_deep(name: str) -> RecordError:
    """A record nested without end is the record's fault."""
    return RecordError("CB-301", f"the record is nested too deeply for the map {name}")


@dataclass(frozen=True, slots=True)
class MapSet:
    """The maps a partner uses together. An overlay in the set takes the place of its base."""

    name: str
    maps: tuple[Map, ...]

    def __iter__(self) -> Iterator[Map]:
        return iter(self.maps)

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def shapes(self) -> dict[str, dict[str, Any]]:
        """Each map's ``shape:`` by native type, for ``Format.parse``."""
        return {m.other: m.shape for m in reversed(self.maps) if m.shape}

    def find(self, native_type: str, data: Mapping[str, Any]) -> Map | None:
        """The map for a native record: of its type, matching, the one with most conditions first."""
        return next((m for m in self.maps if m.other == native_type and m.matches(data)), None)

    def for_native(self, native_type: str, data: Mapping[str, Any]) -> Map:
        """As :meth:`find`; MapError CB-208 when there is none."""
        found = self.find(native_type, data)
        if found is None:
            known = ", ".join(sorted({m.other for m in self.maps})) or "nothing"
            raise MapError("CB-208", f"the maps `{self.name}` have no map for this {native_type}; they are for {known}")
        return found

    def writing(self, slot: str, record: Mapping[str, Any] | None = None) -> list[Map]:
        """The maps that can export a slice with this slot, in the order they are tried; with ``record``, it alone."""
        found = [m for m in self.maps if slot in m.definition.case and m.definition.only != "import"]
        if record is None:
            return found
        slice_ = {slot: [record] if slot in PLURALS else record}
        return [m for m in found if m.fits(slice_)]


def load_map(path: Path, *, search: Sequence[Path] = (), converters: Mapping[str, Converter] = BUILT_IN) -> Map:
    """Load one map with its bases and code tables; ``search`` are further folders for those. Raises MapError."""
    roots = tuple(dict.fromkeys((path.parent, path.parent.parent, *search)))
    files: dict[Path, bytes] = {}
    tree = _tree(path, roots, files)
    tables = Tables(roots)
    definition = define(tree, tables, converters)
    case_paths.check(definition)
    read = {**files, **tables.files}
    return Map(definition, path, _digest(read.values()), _whole_text(read), tuple(files)[1:])


def _tree(path: Path, roots: tuple[Path, ...], files: dict[Path, bytes]) -> Entries:
    """The map's tree with its bases under it."""
    files[path] = notation.read(path)
    tree = notation.parse(files[path], str(path))
    base = tree.get("base")
    if base is None:
        return tree
    name = notation.text(base, "`base`")
    if len(files) > MAX_BASES or not _NAME.fullmatch(name):
        raise base.place.error("CB-201", f"`{name}` cannot be a base: a map's name, at most {MAX_BASES} deep")
    for root in roots:
        if (found := root / f"{name}.yaml").is_file() and found not in files:
            below = _tree(found, roots, files)
            laid = overlay.lay(below, tree)
            label_lines.check(below, laid)
            return laid
    raise base.place.error(
        "CB-201", f"the base map `{name}` is not found as {name}.yaml in the maps' folders{_meant(name, roots)}"
    )


def _meant(name: str, roots: tuple[Path, ...]) -> str:
    """The file of the map that calls itself so, or one of a like name."""
    files = {path.relative_to(root).with_suffix("").as_posix(): path for root in reversed(roots)
             for path in sorted(root.glob("*/*.yaml"))}  # fmt: skip
    own = re.compile(rf"^map:\s*[\"']?{re.escape(name)}[\"']?\s*(#.*)?$".encode(), re.MULTILINE)
    for file, path in files.items():
        if path.is_file() and path.stat().st_size <= notation.MAX_BYTES and own.search(path.read_bytes()):
            return f"; the map of that name is the file `{file}`: write `base: {file}`"
    return notation.nearest(name, files)


def _digest(files: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for data in files:
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


def _whole_text(files: Mapping[Path, bytes]) -> str:
    """The map's own file as written; what else it is made of follows under the names of the files."""
    (_, own), *more = files.items()
    parts = [f"# --- {path.parent.name}/{path.name}\n{data.decode('utf-8-sig')}" for path, data in more]
    return "\n".join([own.decode("utf-8-sig"), *parts])


def map_files(folder: Path) -> list[Path]:
    """The maps' files in a folder; MapError CB-201 for one that would be passed over because of its ending."""
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() in (".yaml", ".yml") and path.suffix != ".yaml":
            raise MapError("CB-201", f"{path}: a map's file ends in .yaml; one that ends in {path.suffix} is not read",
                           remedy=f"Call the file {path.stem}.yaml, or take it out of the folder.")  # fmt: skip
    return sorted(folder.glob("*.yaml"))


def load_set(
    name: str, folders: Sequence[Path], *, converters: Mapping[str, Converter] = BUILT_IN
) -> MapSet:
    """All maps of ``<folder>/<name>/`` or the one of ``<folder>/<name>.yaml``, in the first folder that has them.

    Where a map of the folder lies over one of another set, or of the set of the same name in a later folder, the rest
    of that set comes with it: a site's own folder holds only what is different there. MapError CB-201 when two files
    give their map one name.
    """
    found = set_of_maps(name, _maps_of(name, folders, converters, frozenset()))
    if not found.maps:
        raise MapError("CB-208", f"the set of maps `{name}` has no map left")
    return found


def set_of_maps(name: str, maps: Iterable[Map]) -> MapSet:
    """These maps as a set: bases give way to their overlays. MapError CB-201 when two have one name."""
    return MapSet(name, _ordered(maps))


def _maps_of(
    name: str, folders: Sequence[Path], converters: Mapping[str, Converter], above: frozenset[Path]
) -> list[Map]:  # fmt: skip
    """The maps of a set; ``above`` are the folders of the sets that lie over it, which are not taken again."""
    if not _NAME.fullmatch(name):
        raise MapError("CB-201", f"`{name}` is not the name of a set of maps")
    for folder in folders:
        if (here := (folder / name).resolve()) not in above and (paths := map_files(folder / name)):
            own = [load_map(p, search=folders, converters=converters) for p in paths]
            return own + _rest(own, folders, converters, above | {here})
        if (path := folder / f"{name}.yaml").is_file():
            return [load_map(path, search=folders, converters=converters)]
    if above:
        return []
    raise MapError("CB-208", f"there is no set of maps `{name}` in {', '.join(map(str, folders)) or 'any folder'}")


def _rest(
    own: list[Map], folders: Sequence[Path], converters: Mapping[str, Converter], above: frozenset[Path]
) -> list[Map]:  # fmt: skip
    """The maps of the sets these lie over, for the same formats."""
    formats = {m.other.partition("/")[0] for m in own}
    sets = {m.definition.base.rpartition("/")[0] for m in own if not {p.resolve().parent for p in m.below} <= above}
    return [
        m
        for set_ in sorted(sets - {""})
        for m in _maps_of(set_, folders, converters, above)
        if m.other.partition("/")[0] in formats
    ]


def _ordered(maps: Iterable[Map]) -> tuple[Map, ...]:
    """Bases give way to their overlays; maps with more conditions are asked first."""
    maps = tuple(maps)
    bases = {path.resolve() for m in maps for path in m.below}
    own = {path: m for m in maps if (path := m.path.resolve()) not in bases}
    names: dict[str, Map] = {}
    for m in own.values():
        if (other := names.setdefault(m.name, m)) is not m:
            raise _of_one_name(other, m)
    return tuple(sorted(own.values(), key=lambda m: (-len(m.definition.match), m.name)))


def _of_one_name(one: Map, other: Map) -> MapError:
    """Of two maps of one name only one would be used, and nobody would see which."""
    return other.definition.place.error(
        "CB-201", f"{'/'.join(one.path.parts[-2:])} calls its map `{one.name}` too",
        remedy="Give one of the two another name after `map:`, or say `base:` in the one that lies over the other.",
    )  # fmt: skip
