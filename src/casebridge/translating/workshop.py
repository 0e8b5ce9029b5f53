"""Plugins, maps and formats on plain files: no site, no store, no server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from casebridge.adapter import Converter
from casebridge.core.errors import MapError, SetupError
from casebridge.mapping import Map, MapSet, load_map, load_set, map_files, with_converters
from casebridge.mapping.notation import load, nearest, text
from casebridge.plugins import load_plugins
from casebridge.registry import Registry


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a map is tried with. ``own`` is the folder's ``mappings``; it comes before the folders of the plugins."""

    registry: Registry
    own: Path
    converters: Mapping[str, Converter]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where maps are looked for, in order."""
        return (self.own, *self.registry.map_folders)

    def paths(self, word: str) -> list[Path]:
        """The files of a set (``sdohcc``), of one map (``sdohcc/task``) or a file by its path; SetupError CB-240."""
        file = Path(word)
        if file.suffix == ".yaml" and file.is_file():
            return [file]
        for folder in self.folders:
            found = map_files(folder / word) or list(_one(folder, word))
            if found:
                return found
        known = {*self.names(), *(set_.partition("/")[0] for set_ in self.names())}
        raise SetupError("CB-240", f"there is no map, set of maps or file `{word}`{nearest(word, known)}")

    def set_name(self, path: Path) -> str:
        """The set that a file is in, such as ``sdohcc``; nothing for a file beside the sets or elsewhere."""
        for folder in self.folders:
            if path.resolve().parent.parent == folder.resolve():
                return path.resolve().parent.name
        return ""

    def names(self) -> list[str]:
        """Every map that can be named, as ``set/map``."""
        return [str(path.relative_to(folder).with_suffix("")) for folder in self.folders for path in _files(folder)]

    def all_paths(self, words: Iterable[str]) -> list[Path]:
        """The files of all words; of every map there is when no word is given."""
        named = [path for word in words for path in self.paths(word)]
        found = named or [path for folder in self.folders for path in _files(folder)]
        return list({path.resolve(): path for path in found}.values())

    def load(self, path: Path) -> Map:
        """One map; MapError says where it is wrong."""
        return load_map(path, search=self.folders, converters=self.converters)

    def all_maps(self) -> list[Map]:
        """Every map there is that can be loaded; what is wrong with another is told when it is checked."""
        found = []
        for path in self.all_paths(()):
            with suppress(MapError):
                found.append(self.load(path))
        return found

    def one(self, word: str) -> Map:
        """The one map of that name or file; SetupError CB-240 when it is a set of several."""
        paths = self.paths(word)
        if len(paths) > 1:
            inside = ", ".join(f"{word}/{path.stem}" for path in paths)
            raise SetupError("CB-240", f"`{word}` is a set of maps: name one of {inside}")
        return self.load(paths[0])

    def set_of(self, word: str) -> MapSet:
        """The set of that name; a single map or file is a set of one."""
        if any((folder / word).is_dir() for folder in self.folders):
            return load_set(word, self.folders, converters=self.converters)
        return MapSet(word, (self.one(word),))


def open_workshop(folder: Path) -> Workshop:
    """The workshop of a folder; its ``mappings`` and ``plugins`` are used when they are there."""
    registry = load_plugins(folder / "plugins")
    return Workshop(registry, folder / "mappings", with_converters(registry.converters.values()))


def _files(folder: Path) -> list[Path]:
    inside = sorted(path for path in folder.glob("*") if path.is_dir())
    return sorted([*map_files(folder), *(path for set_ in inside for path in map_files(set_))])


def _one(folder: Path, word: str) -> Iterator[Path]:
    """``sdohcc/task`` by its file, or else by the name it gives itself."""
    if (folder / f"{word}.yaml").is_file():
        yield folder / f"{word}.yaml"
        return
    for path in _files(folder):
        if _name_in(path) == word:
            yield path
            return


def _name_in(path: Path) -> str:
    """What a file calls its map; a file that cannot be read has no name, and is told about when it is checked."""
    try:
        return text(load(path).values["map"], "`map`")
    except (MapError, KeyError):
        return ""
