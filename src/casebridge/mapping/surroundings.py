"""What the lines of a map refer to by name: short names, code tables, converters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from casebridge.adapter import Converter
from casebridge.mapping import notation
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.notation import Items, Node, Place, Scalar
from casebridge.mapping.paths import TESTS, Condition, Path, PathError, parse_path, parse_values, resolve


class Names(dict[str, str]):
    """The short names of a map, and which of them something uses."""

    def __init__(self, names: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(names)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.used.add(name)
        return super().__getitem__(name)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lines refer to by name."""

    names: Mapping[str, str] = field(default_factory=dict)
    tables: Callable[[Node], CodeTable] | None = None
    converters: Mapping[str, Converter] = field(default_factory=dict)

    def path(self, node: Node, what: str = "a path") -> Path:
        """The path a node holds."""
        return self.path_of(notation.text(node, what), node.place)

    def path_of(self, text: str, place: Place) -> Path:
        """The path in ``text``; MapError CB-202 at its place when it is none."""
        with placed(place):
            return parse_path(text, self.names)

    def constant(self, node: Node) -> str:
        """The text of a constant, its ``$name`` replaced."""
        with placed(node.place):
            return resolve(notation.text(node, "a constant"), self.names, 0)

    def typed(self, node: Node) -> str | bool:
        """A constant that may be a boolean."""
        text = self.constant(node)
        return notation.constant(text) if isinstance(node, Scalar) and node.plain else text

    def conditions(self, node: Node, what: str) -> tuple[Condition, ...]:
        """``{path: value}``, ``{path: [values]}``, ``{path: present}`` as conditions."""
        keyed = notation.entries(node, what)
        return tuple(
            self._condition(_own(self.path_of(key, keyed.keys[key]), keyed.keys[key], what), value)
            for key, value in keyed.values.items()
        )

    def _condition(self, path: Path, node: Node) -> Condition:
        if isinstance(node, Items):
            notation.filled(node, f"the list of values of `{path}`", "Name a value, or write `present` or `absent`.")
            values = tuple(self.constant(item) for item in node.items)
            return Condition(path, "equal", values, notation.constant(values[0]))
        text = notation.text(node, f"the value of {path}")
        if text in TESTS:
            return Condition(path, text)  # type: ignore[arg-type]
        with placed(node.place):
            values = parse_values(text, self.names)
        quoted = isinstance(node, Scalar) and not node.plain
        return Condition(path, "equal", values, values[0] if quoted else notation.constant(values[0]))


def _own(path: Path, place: Place, what: str) -> Path:
    if path.up:
        raise place.error("CB-202", f"{what} looks at the present place and below; `{path}` reaches above it")
    if not path.steps:
        raise place.error("CB-202", f"{what} looks at a field; `.` is the whole record or item")
    return path


class placed:
    """Turns a PathError into a MapError at a place."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PathError):
            at = Place(self.place.file, self.place.line, self.place.column + error.offset)
            raise at.error("CB-202", error.message) from None
