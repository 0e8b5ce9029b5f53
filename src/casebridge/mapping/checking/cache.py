"""Maps that were proved are not proved again: what was proved is known by a digest of all that the proof rests on.

The digest covers the map's files with its bases and code tables, what the case model and the other side's schema say
of the places it names, its converters' samples and source, and all the code that reads, runs and checks maps. The
shipped maps' digests come with the package (``data/proved.csv``, written by ``python -m casebridge.mapping.checking``);
a site's own lie in its folder.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import inspect
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from casebridge.adapter import Converter
from casebridge.core.native import Element
from casebridge.mapping.checking import kinds
from casebridge.mapping.checking.places import At, Spot, keys_of, steps_of
from casebridge.mapping.checking.sides import Side
from casebridge.mapping.checking.survey import Survey, survey
from casebridge.mapping.maps import Map
from casebridge.mapping.model import Leaf

log = logging.getLogger(__name__)
SHIPPED = "data/proved.csv"
COLUMNS = ("map", "digest")
MOST = 10_000  # digests a site's file may hold
MAPPING = Path(__file__).parents[1]
PROVED_HERE: set[str] = set()  # in this process


@dataclass(slots=True)
class Proved:
    """Digests of the maps that were proved: the shipped ones, and a site's own in the file ``own``."""

    own: Path | None = None
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.known |= shipped() | PROVED_HERE
        if self.own is not None and self.own.is_file():
            self.known |= _digests(self.own.read_text(encoding="utf-8"))

    def add(self, map_: Map, digest: str) -> None:
        """Remember a map that was proved; where nothing can be written it is proved again at the next start."""
        self.known.add(digest)
        PROVED_HERE.add(digest)
        if self.own is None:
            return
        try:
            self.own.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self.own):
                rows = _rows(self.own.read_text(encoding="utf-8")) if self.own.is_file() else []
                _replace(self.own, as_csv([*rows, (map_.name, digest)][-MOST:]))
        except OSError as error:
            log.warning("that the map %s was proved cannot be remembered: %s", map_.name, error)


@contextmanager
def _alone(own: Path) -> Iterator[None]:
    """No other process reads and rewrites the file meanwhile: what it proved would be lost. The lock dies with us."""
    with own.with_name(f".{own.name}.lock").open("ab") as lock:
        with suppress(OSError):  # a file system without locks: at worst a map is proved twice
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(own: Path, text: str) -> None:
    """The file whole, or as it was: a process killed on the way leaves no half of it."""
    number, name = tempfile.mkstemp(dir=own.parent, prefix=f".{own.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(own)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def digest(map_: Map, element: Element | None) -> str:
    """All that a proof of the map rests on."""
    found = survey(map_.definition)
    whole = hashlib.sha256(f"{map_.digest} {machinery()}".encode())
    for line in (*_case_facts(found), *_facts(found, element), *_converters(found)):
        whole.update(line.encode())
    return whole.hexdigest()


def shipped() -> frozenset[str]:
    """The digests that come with the package."""
    file = files("casebridge.mapping.checking").joinpath(SHIPPED)
    return frozenset(_digests(file.read_text(encoding="utf-8")) if file.is_file() else ())


def as_csv(rows: Iterable[tuple[str, str]]) -> str:
    """The file of digests, the newest of each map last."""
    return "".join(f"{','.join(row)}\n" for row in (COLUMNS, *rows))


def _rows(text: str) -> list[tuple[str, str]]:
    found = csv.DictReader(text.splitlines())
    return [(row["map"], row["digest"]) for row in found if row.get("map") and row.get("digest")]


def _digests(text: str) -> set[str]:
    return {number for _, number in _rows(text)}


@cache
def machinery() -> str:
    """All the code of the mapping language: a proof ran through the executor and the generator, too."""
    whole = hashlib.sha256()
    for file in sorted(MAPPING.rglob("*.py")):
        whole.update(f"{file.relative_to(MAPPING).as_posix()} ".encode())
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def _case_facts(found: Survey) -> Iterator[str]:
    """What the case model says of each place that the map names."""
    fields = {kinds.field_of(found.definition, stand.case) for stand in found.stands}
    for name in sorted(fields):
        codes = kinds.codes_of(name) or kinds.usual_of(name)
        yield f"{name} {kinds.types_of(name)} {sorted(codes)}"


def _facts(found: Survey, root: Element | None) -> Iterator[str]:
    """What the schema says of each place that the map names, and on the way to it."""
    side = Side(root, "")
    named = {keys_of(spot) for spot in _spots(found)} if root is not None else set()
    yield f"text {root is not None and root.text}"
    for keys in sorted({whole[:i] for whole in named for i in range(1, len(whole) + 1)}):
        yield f"{keys} {_fact(side.under(keys))}"


def _spots(found: Survey) -> Iterator[Spot]:
    """Every place of the other side that the map names: in its lines, their selectors, conditions and its head."""
    definition = found.definition
    for stand in found.stands:
        yield stand.other
        for i, step in enumerate(stand.other):
            for condition in step.selector or ():
                yield (*stand.other[:i], At(step.key), *steps_of(condition.path))
    for fork in found.forks:
        for branch in fork.line.branches:
            for condition in branch.other:
                yield fork.other + steps_of(condition.path)
    yield from (steps_of(condition.path) for condition in definition.match)
    yield from (steps_of(path) for path in definition.ignore)
    yield from (steps_of(path) for path, _ in definition.defaults.get("export", ()))


def _fact(element: Element | None) -> str:
    if element is None:
        return "-"
    codes = sorted(element.codes) if element.codes is not None else None
    return f"{element.type} {element.many} {codes} {element.required} {element.owner}"


def _converters(found: Survey) -> Iterator[str]:
    used: dict[str, Converter] = {}
    for stand in found.stands:
        if isinstance(stand.line, Leaf) and stand.line.convert:
            used[stand.line.convert.name] = stand.line.convert
    for name, converter in sorted(used.items()):
        yield f"{name} {converter.law} {converter.samples} {_source(converter)}"


def _source(converter: Converter) -> str:
    """The source of the modules that a converter's two functions come from."""
    modules = {getattr(inspect.unwrap(turn), "__module__", "") for turn in (converter.read, converter.write)}
    return " ".join(_module_digest(name) for name in sorted(filter(None, modules)))


@cache
def _module_digest(name: str) -> str:
    file = getattr(sys.modules.get(name), "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else name
