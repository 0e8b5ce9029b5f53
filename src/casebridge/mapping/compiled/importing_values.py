"""The generated import of single values: a leaf, a list spread over several places, a set of flags."""

from __future__ import annotations

from collections.abc import Callable

from casebridge.core.errors import CaseBridgeError
from casebridge.mapping.codes import CodeTable
from casebridge.mapping.compiled.conditions import test
from casebridge.mapping.compiled.inside import Inside
from casebridge.mapping.compiled.outside import THERE, Lookups, Spot
from casebridge.mapping.compiled.text import NotCompiled, Source, literal
from casebridge.mapping.model import Definition, Flags, Leaf, Link, Spread
from casebridge.mapping.paths import Path
from casebridge.mapping.translate import to_case

Then = Callable[[str], None]


class ValueImporter:
    """Writes the statements that make our value of theirs."""

    def __init__(self, definition: Definition, source: Source) -> None:
        self.definition, self.source = definition, source
        self.lookups, self.case = Lookups(source), Lookups(source, case=True)
        self.tables: dict[int, dict[str, object]] = {}

    def leaf(self, line: Leaf, spot: Spot, then: Then) -> None:
        """One value; ``then`` says what becomes of it."""
        add, block = self.source.add, self.source.block
        if not (line.also_read or "import" in line.if_missing or "import" in line.required):
            self._read(line, line.other, spot, then)
            return
        value = self.source.name("x")
        add(f"{value} = None")
        self._read(line, line.other, spot, lambda found: add(f"{value} = {found}"))
        for path in line.also_read:
            with block(f"if {value} is None:"):
                self._read(line, path, spot, lambda found: add(f"{value} = {found}"))
        if "import" in line.if_missing:
            add(f"if {value} is None: {value} = {literal(self._instead(line))}")
        elif "import" in line.required:
            add(f"if {value} is None: irregular()")
        if "import" in line.required or "import" in line.if_missing:
            then(value)
            return
        with block(f"if {value} is not None:"):
            then(value)

    def _instead(self, line: Leaf) -> object:
        try:
            return to_case(line, line.if_missing["import"])
        except CaseBridgeError:
            raise NotCompiled("an `if_missing` that the line itself cannot read") from None

    def _read(self, line: Leaf, path: Path, spot: Spot, then: Then) -> None:
        found = self.lookups.value(spot, path)
        there = THERE.format(found)
        if path is line.other and line.beside:
            beside = [
                test(self.source, c, self.lookups.value(spot, Path(c.path.steps, path.up))) for c in line.beside
            ]
            there = " and ".join([f"({there})", *beside])
        with self.source.block(f"if {there}:"):
            self._translate(line, found, then)

    def _translate(self, line: Leaf, found: str, then: Then) -> None:
        """Their value in our spelling: a link, a code, a converter, or as it is."""
        add = self.source.add
        if line.link:
            self._linked(line.link, found, then)
        elif line.codes:
            value = self.source.name("x")
            self._coded(line.codes, found, value)
            if line.convert:
                add(f"if type({value}) is not dict and {value} is not None:")
                add(f"    {value} = {self.source.constant('C', line.convert.read)}(single({value}))")
            if line.convert or line.codes.otherwise != "refuse":
                with self.source.block(f"if {THERE.format(value)}:"):
                    then(value)
            else:
                then(value)
        elif line.convert:
            value, read = self.source.name("x"), self.source.constant("C", line.convert.read)
            one = f"{read}({found} if type({found}) is str else single({found}))"
            add(f"{value} = copied({read}({found}))" if line.convert.whole else f"{value} = {one}")
            with self.source.block(f"if {THERE.format(value)}:"):
                then(value)
        else:
            self.source.add(f"if type({found}) is not str: {found} = copied({found})")
            then(found)

    def _coded(self, table: CodeTable, found: str, value: str) -> None:
        codes = {key: _absent(case) for key, case in table.to_case.items()}
        names = self.source.constant("T", self.tables.setdefault(id(table), codes))
        self.source.add(f"{value} = {names}.get({found})")
        self.source.add(f"if {value} is None: {value} = unlisted_in({self.source.constant('U', table)}, {found})")
        if any(isinstance(case, dict) for case in codes.values()):
            self.source.add(f"elif type({value}) is dict: {value} = {value}.copy()")

    def _linked(self, link: Link, found: str, then: Then) -> None:
        self.source.add(f"if type({found}) is not str: irregular()")
        if link.kind:
            then(f"{{'kind': {literal(link.kind)}, 'external_id': {found}}}")
            return
        kind = self.source.name("x")
        kinds = self.source.constant("K", dict(link.kinds))
        self.source.add(f"{kind} = {kinds}.get({found}.rpartition('/')[0].rpartition('/')[2])")
        with self.source.block(f"if {kind}:"):
            then(f"{{'kind': {kind}, 'external_id': {found}}}")

    def spread(self, line: Spread, spot: Spot, into: Inside) -> None:
        """Read the places of one list as its items."""
        if len(line.parts) == 1:
            self.leaf(line.parts[0], spot, lambda value: into.value(line.case.steps, f"[{value}]"))
            return
        values = self.source.name("x")
        self.source.add(f"{values} = []")
        for part in line.parts:
            self.leaf(part, spot, lambda value: self.source.add(f"{values}.append({value})"))
        with self.source.block(f"if {values}:"):
            into.value(line.case.steps, values)

    def flags(self, line: Flags, spot: Spot, into: Inside) -> None:
        """Read flags of 1 and 0 as a list of words."""
        words, add = self.source.name("x"), self.source.add
        add(f"{words} = []")
        for word, path in line.flags:
            found = self.lookups.value(spot, path)
            add(f"if {found} == '1' or {found} and {found} != '0' and flagged({found}): "
                f"{words}.append({literal(word)})")  # fmt: skip
        with self.source.block(f"if {words}:"):
            into.value(line.case.steps, words)
        if line.none:
            with self.source.block("else:"):
                self.leaf(line.none, spot, lambda value: into.value(line.case.steps, value))


def _absent(code: object) -> object:
    return {"absent": code[7:]} if isinstance(code, str) and code.startswith("absent:") else code
