"""The notation of a map: YAML in which every scalar is text and every node knows where it stands.

No anchors, aliases, tags or duplicate keys; a map is at most 1 MiB and 40 levels deep. PyYAML turns ``no`` into
False and ``001`` into 1, so the scalars are taken from the node tree, never from its constructors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import yaml

from casebridge.core.errors import MapError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_NODES = 40_000  # texts, lists and groups; so many are read in about a second
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a map file; lines and columns count from 1."""

    file: str = ""
    line: int = 0
    column: int = 0

    def error(self, code: str, message: str, *, remedy: str = "") -> MapError:
        """The error to raise for what stands here."""
        return MapError(code, message, file=self.file, line=self.line, column=self.column, remedy=remedy)

    @property
    def short(self) -> str:
        """``sdohcc/patient.yaml:24``: the file from the maps' folder, and the line."""
        return f"{'/'.join(Path(self.file).parts[-2:])}:{self.line}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A piece of text; ``plain`` when it stands without quotes."""

    text: str
    place: Place
    plain: bool = True

    @property
    def constant(self) -> str | bool:
        """What a constant stands for: ``true`` and ``false`` without quotes are booleans, all else is text."""
        return constant(self.text) if self.plain else self.text


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys and values, in the order written. ``keys`` holds where each key stands."""

    values: dict[str, Node]
    keys: dict[str, Place]
    place: Place

    def get(self, word: str) -> Node | None:
        """What stands under a word, or None."""
        return self.values.get(word)


Node = Scalar | Items | Entries


def load(path: Path) -> Entries:
    """The tree of a map file; MapError CB-201 or CB-204 when it cannot be one."""
    return parse(read(path), str(path))


def read(path: Path) -> bytes:
    """The bytes of a map's file; MapError CB-201 when it is no file, cannot be read or is too large."""
    try:
        if not path.is_file():  # a pipe would never end, a device neither
            raise MapError("CB-201", f"{path}: this is not a file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as e:
        raise MapError("CB-201", f"{path}: {e.strerror or e}") from None
    if len(data) > MAX_BYTES:
        raise Place(str(path), 1, 1).error("CB-201", f"the file is larger than {MAX_BYTES} bytes")
    return data


def parse(data: bytes, file: str) -> Entries:
    """The tree of a map's text."""
    start = Place(file, 1, 1)
    if len(data) > MAX_BYTES:
        raise start.error("CB-201", f"the map is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
        _check_events(text, file)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except UnicodeDecodeError:
        raise start.error("CB-201", "the map is not UTF-8 text") from None
    except yaml.MarkedYAMLError as e:
        raise _yaml_error(e, file, text) from None
    except yaml.YAMLError as e:
        raise start.error("CB-201", f"this is not YAML: {e}") from None
    tree = _tree(node, file) if node is not None else None
    if not isinstance(tree, Entries):
        raise start.error("CB-201", "a map starts with words such as `map:`, `case:` and `fields:`")
    return tree


def _yaml_error(error: yaml.MarkedYAMLError, file: str, text: str) -> MapError:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file, 1, 1)
    lines = text.split("\n")
    if place.line <= len(lines) and lines[place.line - 1].lstrip(" ").startswith("\t"):
        return place.error("CB-201", "this line begins with a tab", remedy="Write spaces instead: YAML takes no tabs.")
    return place.error(
        "CB-201",
        f"this is not YAML: {error.problem or error.context}",
        remedy="Look here and just before for a missing colon, comma or bracket, or a line that is not indented "
        "like those beside it; write selectors with ( ) and &, and quote texts that hold a colon, bracket or comma.",
    )


def _check_events(text: str, file: str) -> None:
    """Refuse what could grow without end before a tree is built of it."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        mark = event.start_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file, 1, 1)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise place.error("CB-201", "anchors and aliases (& and *) are not part of the language; quote the text")
        if getattr(event, "tag", None):
            raise place.error("CB-201", "tags (!) are not part of the language; quote the text")
        if number > MAX_NODES:
            raise place.error("CB-201", f"more than {MAX_NODES} texts, lists and groups: the map is too large")
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if depth > MAX_DEPTH:
            raise place.error("CB-201", f"more than {MAX_DEPTH} levels deep")


def _tree(node: yaml.Node, file: str) -> Node:
    place = Place(file, node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.ScalarNode):
        return Scalar(str(node.value), place, plain=not node.style)
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_tree(child, file) for child in node.value), place)
    values: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for key, value in node.value:
        name = _tree(key, file)
        if not isinstance(name, Scalar):
            raise name.place.error("CB-201", "a key must be text; quote it if it holds brackets")
        if name.text in values:
            raise name.place.error("CB-204", f"`{name.text}` is already written in line {keys[name.text].line}")
        values[name.text], keys[name.text] = _tree(value, file), name.place
    return Entries(values, keys, place)


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean `x`?`` when a known word is near, else nothing."""
    close = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def entries(node: Node, what: str) -> Entries:
    """``node`` as keys and values, or MapError CB-201."""
    if isinstance(node, Entries):
        return node
    remedy = "Write `name: value`, each on a line of its own and indented, or all in { } with commas between."
    if isinstance(node, Scalar) and ":" in node.text:
        remedy = "Put a space after the colon: `name: value`."
    if isinstance(node, Items) and what.startswith("the code table"):
        remedy = "Write `rows:` before the list, and `otherwise:` beside it: {rows: [[male, M]], otherwise: refuse}."
    raise node.place.error("CB-201", f"{what} must be keys and values", remedy=remedy)


def text(node: Node, what: str) -> str:
    """``node`` as one text, or MapError CB-201."""
    if isinstance(node, Scalar) and node.text:
        return node.text
    raise node.place.error(
        "CB-201", f"{what} must be one text",
        remedy="Write it after the colon; quote it where it holds a colon, a comma or a bracket.",
    )  # fmt: skip


def filled(node: Node, what: str, remedy: str) -> Node:
    """``node``, or MapError CB-201 when it is an empty list or group: ``[]`` and ``{}`` say nothing."""
    if (isinstance(node, Items) and not node.items) or (isinstance(node, Entries) and not node.values):
        raise node.place.error("CB-201", f"{what} is empty", remedy=remedy)
    return node


def texts(node: Node, what: str) -> tuple[str, ...]:
    """``node`` as one text or a list of texts."""
    if isinstance(node, Items):
        return tuple(text(item, what) for item in node.items)
    return (text(node, what),)


def choice(node: Node, what: str, allowed: tuple[str, ...]) -> str:
    """``node`` as one of the ``allowed`` words, or MapError CB-203."""
    word = text(node, what)
    if word not in allowed:
        raise node.place.error("CB-203", f"{what} is {' | '.join(allowed)}, not `{word}`{nearest(word, allowed)}")
    return word


def check_words(node: Entries, allowed: frozenset[str], where: str) -> None:
    """MapError CB-203 when ``node`` has a key that is not a word of the language here."""
    for word, place in node.keys.items():
        if word not in allowed:
            hint = nearest(word, allowed)
            if ")" in word:
                hint = "; a comma ends the path before it: join the conditions of a selector with &"
            raise place.error("CB-203", f"`{word}` is not a word of {where}{hint}")


def constant(text: str) -> str | bool:
    """A constant written without quotes."""
    return text == "true" if text in ("true", "false") else text


def plain(node: Node, *, typed: bool = False) -> object:
    """The node as plain Python, every scalar text; ``typed`` turns true and false without quotes into booleans."""
    if isinstance(node, Scalar):
        return node.constant if typed else node.text
    if isinstance(node, Items):
        return [plain(item, typed=typed) for item in node.items]
    return {key: plain(value, typed=typed) for key, value in node.values.items()}
