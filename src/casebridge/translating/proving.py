"""Which documents the target's format takes: looked at in batches, and by halves where a batch does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from casebridge.adapter import OutFile, RenderContext
from casebridge.core.errors import CaseBridgeError, RecordError
from casebridge.translating.intake import Tell
from casebridge.translating.output import Documents
from casebridge.translating.report import Report
from casebridge.translating.shelf import Document, Shelf
from casebridge.translating.sides import Side

BATCH = 200
DEPTH = 4  # parents of parents: an enrollment's project's organization


@dataclass(slots=True)
class Proof:
    """The documents of one translation: ``good`` can be written, ``bad`` cannot and are on the report."""

    shelf: Shelf
    target: Side
    context: RenderContext
    report: Report
    good: list[int] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)

    def prove(self, tell: Tell) -> None:
        """Tell good from bad."""
        numbers = self.shelf.numbers()
        for start in range(0, len(numbers), BATCH):
            self._prove([n for n in numbers[start : start + BATCH] if not self._hangs_on_bad(n)])
            tell("checking", min(start + BATCH, len(numbers)))

    def start_again(self) -> None:
        """Nothing is made yet."""
        self.good.clear()
        self.bad.clear()
        self.shelf.start_again()
        self.report.start_again()

    def files(self) -> Iterator[OutFile]:
        """What the format makes of all that can be written."""
        for number in self.good:
            self.report.written[self.shelf.numbered(number).native_type] += 1
        if self.good:
            yield from self.target.format.render(Documents(self.shelf, self.target, self.good), self.context)

    def _prove(self, numbers: Sequence[int]) -> None:
        """Rendered together with what they hang on, and thrown away; one that cannot be is refused, alone."""
        if not numbers:
            return
        around = {p: None for n in numbers for p in self._parents(self.shelf.numbered(n), DEPTH)}
        around = {number: None for number in around if number not in numbers}
        try:
            for _ in self.target.format.render(Documents(self.shelf, self.target, [*around, *numbers]), self.context):
                pass
        except CaseBridgeError as error:
            if len(numbers) == 1:
                self._refuse(numbers[0], error)
                return
            middle = len(numbers) // 2
            for half in (numbers[:middle], numbers[middle:]):
                self._prove([n for n in half if not self._hangs_on_bad(n)])
            return
        self.good += numbers

    def _hangs_on_bad(self, number: int) -> bool:
        if not self.bad:
            return False
        found = self.shelf.numbered(number)
        if self.bad.isdisjoint(self._parents(found, DEPTH)):
            return False
        self._refuse(number, RecordError("CB-245", f"a record this {found.native_type} hangs on was refused"))
        return True

    def _refuse(self, number: int, error: CaseBridgeError) -> None:
        found = self.shelf.numbered(number)
        self.bad.add(number)
        self.shelf.leave_out(found.kind, found.external_id)
        self.report.refuse(found.position, error)

    def _parents(self, document: Document, depth: int) -> dict[int, None]:
        """The numbers of the documents that this one refers to, and of those they refer to; itself never."""
        found: dict[int, None] = {}
        level = [document]
        for _ in range(depth):
            near = [self.shelf.document(type_, key) for one in level for type_, key in one.needs]
            level = [one for one in near if one is not None and one.number not in found]
            found |= dict.fromkeys(one.number for one in level)
        found.pop(document.number, None)
        return found
