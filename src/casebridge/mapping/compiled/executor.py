"""A map's generated functions, made once; what they hand over, the interpreter does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from casebridge.mapping import interpreter
from casebridge.mapping.compiled import runtime, runtime_values
from casebridge.mapping.compiled.creating import Creator
from casebridge.mapping.compiled.importing import Importer
from casebridge.mapping.compiled.patch import ListPlan, Patch
from casebridge.mapping.compiled.putting import Putter
from casebridge.mapping.compiled.results import LateExported, LateImported
from casebridge.mapping.compiled.rooms import Heard, Rooms
from casebridge.mapping.compiled.text import NotCompiled, Source
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.model import Definition
from casebridge.mapping.translate import Links

Function = Callable[..., Any]


KNOWN: dict[str, Any] = {
    **{name: getattr(module, name) for module in (runtime, runtime_values) for name in module.__all__},
    "Patch": Patch, "ListPlan": ListPlan,
    "type": type, "str": str, "list": list, "dict": dict, "bool": bool, "len": len, "__builtins__": {},
}  # fmt: skip


class Compiled:
    """The two executors of one map as one: generated functions first, the interpreter for the rest."""

    __slots__ = ("_create", "_functions", "_match", "_put", "_read", "definition", "rooms", "texts", "why_not")

    def __init__(self, definition: Definition) -> None:
        self.definition, self.rooms = definition, Rooms(definition)
        self.texts: dict[str, str] = {}
        self.why_not: dict[str, str] = {}
        self._functions: dict[str, Function] = {}
        self._match: Function = self._first_match
        self._read: Function = self._first_read
        self._create: Function = self._first_create
        self._put: Function = self._first_put

    def function(self, name: str) -> Function:
        """The generated function ``read``; one that hands everything over where the map cannot be compiled."""
        if name not in self._functions:
            self._functions[name] = self._built(name)
        return self._functions[name]

    def _built(self, name: str) -> Function:
        source = Source()
        try:
            WRITERS[name](self.definition, source)
        except NotCompiled as e:
            return self._not_compiled(name, str(e))
        self.texts[name] = source.text()
        known = {**KNOWN, **source.names, "definition": self.definition}
        if name == "put":
            known["read"] = self.function("read")
        try:
            exec(compile(self.texts[name], f"<{name} of a map>", "exec"), known)  # noqa: S102  no text of the map is code
        except (SyntaxError, RecursionError, MemoryError) as e:  # nested more deeply than Python takes
            return self._not_compiled(name, f"more than Python compiles ({type(e).__name__})")
        return known[name]  # type: ignore[no-any-return]

    def _not_compiled(self, name: str, why: str) -> Function:
        self.why_not[name] = why
        self.texts[name] = f"# {name}: the interpreter does it, because the map has {ascii(why)[1:-1]}\n"
        return _hand_over

    def source(self) -> str:
        """All generated functions as text."""
        for name in WRITERS:
            self.function(name)
        return "\n\n".join(self.texts[name] for name in WRITERS)

    def _first_match(self, data: Mapping[str, Any]) -> Any:
        self._match = self.function("match")
        return self._match(data)

    def matches(self, data: Mapping[str, Any]) -> bool:
        """Is this record one the map is for?"""
        try:
            return bool(self._match(data))
        except Exception:  # noqa: BLE001  as below
            return interpreter.matches(self.definition, dict(data))

    def _first_read(self, data: Mapping[str, Any]) -> Any:
        self._read = self.function("read")
        return self._read(data)

    def read(self, data: Mapping[str, Any]) -> Imported:
        """Import one record."""
        try:
            return LateImported(self._read(data), self.definition, data)
        except Exception:  # noqa: BLE001  whatever it is, the interpreter says it better
            return interpreter.read(self.definition, dict(data))

    def write(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any] | None) -> Exported:
        """Export a slice onto ``base`` or onto nothing."""
        heard = Heard(links)
        try:
            data = self._put(slice_, heard, base) if base else self._create(slice_, heard)
        except Exception:  # noqa: BLE001  as above
            return interpreter.write(self.definition, dict(slice_), links, dict(base) if base else None)
        return LateExported(data, self.rooms, slice_, heard, base)

    def _first_put(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any]) -> Any:
        self._put = self.function("put")
        return self._put(slice_, links, base)

    def _first_create(self, slice_: Mapping[str, Any], links: Links) -> Any:
        self._create = self.function("create")
        return self._create(slice_, links)


def _hand_over(*_: Any) -> Any:
    raise runtime.Irregular


WRITERS: dict[str, Callable[[Definition, Source], None]] = {
    "match": lambda definition, source: Importer(definition, source).match(),
    "read": lambda definition, source: Importer(definition, source).function(),
    "create": lambda definition, source: Creator(definition, source).function(),
    "put": lambda definition, source: Putter(definition, source).function(),
}
