"""A map's generated functions, made once; what they hand over, the interpreter does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from casebridge.mapping import interpreter
from casebridge.mapping.compiled import runtime
from casebridge.mapping.compiled.creating import Creator
from casebridge.mapping.compiled.importing import Importer
from casebridge.mapping.compiled.patch import ListPlan, Patch
from casebridge.mapping.compiled.putting import Putter
from casebridge.mapping.compiled.results import LateExported, LateImported
from casebridge.mapping.compiled.text import NotCompiled, Source
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.model import Definition
from casebridge.mapping.reading import parts_of
from casebridge.mapping.translate import Links
from casebridge.mapping.walk import _MOMENT, assign, blank, holds_all, reach, value_at

Function = Callable[..., Any]


def _default(found: dict[str, Any], path: Any, constant: Any) -> None:
    if blank(value_at(found, path)):
        assign(found, path, constant)


def _moment(value: str) -> bool:
    return _MOMENT.fullmatch(value) is not None


KNOWN: dict[str, Any] = {
    **{name: getattr(runtime, name) for name in (
        "irregular", "odd", "veiled", "part", "joined", "hollow", "within", "beyond", "strange", "clouded", "lone", "whole", "alone", "unsure", "first", "same", "present", "lacking", "single", "unlisted_in",
        "unlisted_out", "flagged", "outgoing", "merge", "converted", "theirs", "hidden", "listed", "words_of",
        "parts", "copied", "unmet")},
    "Patch": Patch, "ListPlan": ListPlan, "holds_all": holds_all, "reach": reach, "parts_of": parts_of, "default": _default, "moment": _moment,
    "type": type, "str": str, "list": list, "dict": dict, "bool": bool, "len": len, "__builtins__": {},
}  # fmt: skip


class Compiled:
    """The two executors of one map as one: generated functions first, the interpreter for the rest."""

    __slots__ = ("_create", "_functions", "_put", "_read", "definition", "texts", "why_not")

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.texts: dict[str, str] = {}
        self.why_not: dict[str, str] = {}
        self._functions: dict[str, Function] = {}
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
            self.why_not[name] = str(e)
            self.texts[name] = f"# {name}: the interpreter does it, because the map has {ascii(str(e))[1:-1]}\n"
            return _hand_over
        self.texts[name] = source.text()
        known = {**KNOWN, **source.names, "definition": self.definition}
        if name == "put":
            known["read"] = self.function("read")
        exec(compile(self.texts[name], f"<{name} of a map>", "exec"), known)  # noqa: S102  no text of the map is code
        return known[name]  # type: ignore[no-any-return]

    def source(self) -> str:
        """All generated functions as text."""
        for name in WRITERS:
            self.function(name)
        return "\n\n".join(self.texts[name] for name in WRITERS)

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
        try:
            data = self._put(slice_, links, base) if base else self._create(slice_, links)
        except Exception:  # noqa: BLE001  as above
            return interpreter.write(self.definition, dict(slice_), links, dict(base) if base else None)
        return LateExported(data, self.definition, slice_, links, base)

    def _first_put(self, slice_: Mapping[str, Any], links: Links, base: Mapping[str, Any]) -> Any:
        self._put = self.function("put")
        return self._put(slice_, links, base)

    def _first_create(self, slice_: Mapping[str, Any], links: Links) -> Any:
        self._create = self.function("create")
        return self._create(slice_, links)


def _hand_over(*_: Any) -> Any:
    raise runtime.Irregular


WRITERS: dict[str, Callable[[Definition, Source], None]] = {
    "read": lambda definition, source: Importer(definition, source).function(),
    "create": lambda definition, source: Creator(definition, source).function(),
    "put": lambda definition, source: Putter(definition, source).function(),
}
