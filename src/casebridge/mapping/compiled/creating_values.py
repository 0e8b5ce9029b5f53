"""The generated export of single values: a leaf, a list spread over several places, a set of flags."""

from __future__ import annotations

from collections.abc import Callable

from casebridge.mapping.compiled.inside import Inside
from casebridge.mapping.compiled.outside import THERE, Lookups, Spot
from casebridge.mapping.compiled.patch import parents_of
from casebridge.mapping.compiled.text import NotCompiled, Source, literal
from casebridge.mapping.model import Definition, Flags, Leaf, Spread


class ValueCreator:
    """Writes the statements that make their value of ours."""

    def __init__(self, definition: Definition, source: Source) -> None:
        self.definition, self.source = definition, source
        self.lookups = Lookups(source, case=True)
        self.tables: dict[int, dict[str, object]] = {}
        self.keys: set[int] = set()  # the lines of a list's key that are always looked at
        self.parents = parents_of(definition)

    def leaf(self, line: Leaf, found: str, into: Inside, set_: Callable[[str], None] | None = None) -> None:
        """One value; ``set_`` is what becomes of it, if it is not written to the line's own place."""
        then = set_ or (lambda value: self._set(line, value, into))
        add, block = self.source.add, self.source.block
        plain = not (line.codes or line.convert or line.link or line.required or line.if_missing)
        if id(line) in self.keys and not plain:
            add(f"if {found} is not None and type({found}) is not str and hidden({found}): continue")
        required, default = "export" in line.required, line.if_missing.get("export")
        if not required and default is None:
            if line.codes or line.convert or line.link:
                with block(f"if {THERE.format(found)}:"):
                    self._translate(line, found, then)
            else:
                direct = set_ is None and not line.beside and into.direct(line.other.steps)
                self._plain(found, then, direct=direct, key=plain and id(line) in self.keys)
            return
        wanted = self.source.name("x")
        add(f"{wanted} = None")
        with block(f"if {THERE.format(found)}:"):
            if line.codes or line.convert or line.link:
                self._translate(line, found, lambda value: add(f"{wanted} = {value}"))
            else:
                add(f"{wanted} = {found} if type({found}) is str else outgoing({found})")
        if default is None:
            add(f"if {wanted} is None: irregular()")
        else:
            with block(f"if {wanted} is None:"):
                add(f"if hidden({found}): irregular()")
                add(f"{wanted} = {literal(default)}")
        then(wanted)

    def _plain(self, found: str, then: Callable[[str], None], *, direct: bool, key: bool) -> None:
        wanted, add = self.source.name("x"), self.source.add
        if direct and not key:
            with self.source.block(f"if {found} and type({found}) is str:"):
                then(found)
            with self.source.block(f"elif {found} is not None and ({wanted} := outgoing({found})) is not None:"):
                then(wanted)
            return
        add(f"{wanted} = {found}")
        with self.source.block(f"if {found} is not None and type({found}) is not str:"):
            add(f"{wanted} = outgoing({found})")
            if key:
                add(f"if {wanted} is None and hidden({found}): continue")
        with self.source.block(f"if {THERE.format(wanted)}:"):
            then(wanted)

    def _translate(self, line: Leaf, found: str, then: Callable[[str], None]) -> None:
        """Our value in their spelling: a converter, a code, a link."""
        wanted, add = self.source.name("x"), self.source.add
        if line.link:
            link = self.source.constant("N", line.link)
            add(f"{wanted} = theirs({found}, links, {link})")
        elif line.convert:
            turn = self.source.constant("C", line.convert.write)
            one = f"{turn}({found}) if type({found}) is str else converted({turn}, {found})"
            add(f"{wanted} = converted_whole({turn}, {found})" if line.convert.whole else f"{wanted} = {one}")
            if line.codes:
                raise NotCompiled("a line with a converter and codes")
        elif line.codes:
            table = self.source.constant("T", self.tables.setdefault(id(line.codes), dict(line.codes.to_other)))
            add(f"{wanted} = {table}.get({found}) if type({found}) is str else None")
            add(f"if {wanted} is None: {wanted} = unlisted_out({self.source.constant('U', line.codes)}, {found})")
        with self.source.block(f"if {THERE.format(wanted)}:" if line.convert else f"if {wanted} is not None:"):
            then(wanted)

    def _set(self, line: Leaf, value: str, into: Inside) -> None:
        if not line.other.steps:
            raise NotCompiled("a line for the whole item among other lines")
        into.value(line.other.steps, value)
        for condition in line.beside:
            if condition.test == "equal":
                into.enforce(condition)

    def spread(self, line: Spread, spot: Spot, into: Inside) -> None:
        """Write the items of one list to a place each."""
        found = self.lookups.value(spot, line.case)
        values = self.source.name("x")
        with self.source.block(f"if {THERE.format(found)}:"):
            known = f"type({found}) is list and len({found}) <= {len(line.parts)}"
            self.source.add(f"{values} = {found} if {known} else parts({found})")
            with self.source.block(f"if {values}:"):
                for i, part in enumerate(line.parts):
                    item = self.source.name("v")
                    if i == 0:
                        self.source.add(f"{item} = {values}[0]")
                    else:
                        self.source.add(f"{item} = {values}[{i}] if len({values}) > {i} else None")
                    self.source.add(f"if type({item}) is dict: irregular()")
                    self.leaf(part, item, into)

    def flags(self, line: Flags, spot: Spot, into: Inside) -> None:
        """Write a list of words as flags of 1 and 0."""
        found, add = self.lookups.value(spot, line.case), self.source.add
        words, said = self.source.name("x"), self.source.name("x")
        with self.source.block(f"if {THERE.format(found)}:"):
            add(f"{words} = words_of({found})")
            with self.source.block(f"if {words} is not None:"):
                add(f"{said} = None")
                if line.none:
                    with self.source.block(f"if not {words}:"):
                        self.leaf(line.none, found, into, lambda value: add(f"{said} = {value}"))
                answers = " or ".join(f"{literal(word)} in {words}" for word, _ in line.flags)
                with self.source.block(f"if {said} is not None or {words} and ({answers or 'False'}):"):
                    for word, path in line.flags:
                        into.value(path.steps, f"'1' if {literal(word)} in {words} else '0'")
                if line.none:
                    if line.none.required or line.none.if_missing or line.none.beside:
                        raise NotCompiled("a `none` that is required or has a default")
                    with self.source.block(f"if {said} is not None:"):
                        into.value(line.none.other.steps, said)
