"""One file of all documents, made in one go where nothing is wrong with any; else it is told which it cannot hold."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from casebridge.adapter import Gathering, RenderContext
from casebridge.core.errors import CaseBridgeError, RecordError, SetupError
from casebridge.core.released import Released
from casebridge.translating.intake import Tell
from casebridge.translating.output import Documents
from casebridge.translating.report import Report
from casebridge.translating.shelf import Document, Shelf
from casebridge.translating.sides import Side


@dataclass(slots=True)
class Proof:
    """The documents of one translation; those that cannot be written are refused, and on the report."""

    shelf: Shelf
    target: Side
    context: RenderContext
    report: Report

    def write(self, out: BinaryIO, tell: Tell) -> bool:
        """Write all that are not refused; False when more had to be, and the file is to be written without them."""
        out.seek(0)
        out.truncate()
        numbers = array("q", self.shelf.numbers())
        refused: deque[int] = deque()
        if numbers:
            for index, error in self._gathered(Documents(self.shelf, self.target, numbers, tell), out):
                refused.append(numbers[index])
                self._refuse(self.shelf.numbered(numbers[index]), error)
        if not refused:
            self.report.written.update(self.shelf.written())
            return True
        while refused:  # what hangs on a refused one is refused, and what hangs on that
            hanging = self.shelf.hanging_on(self.shelf.numbered(refused.popleft()))
            for number in hanging:
                self._refuse(self.shelf.numbered(number))
            refused.extend(hanging)
        return False

    def start_again(self) -> None:
        """Nothing is made yet."""
        self.shelf.start_again()
        self.report.start_again()

    def _gathered(self, documents: Sequence[Released], out: BinaryIO) -> Iterator[tuple[int, CaseBridgeError]]:
        if isinstance(self.target.format, Gathering):
            yield from self.target.format.gather(documents, self.context, out)
            return
        wrong = False
        for index, document in enumerate(documents):
            try:
                list(self.target.format.render([document], self.context))
            except CaseBridgeError as error:
                wrong = True
                yield index, error
        if not wrong:
            self._write_as_one(documents, out)

    def _write_as_one(self, documents: Sequence[Released], out: BinaryIO) -> None:
        files = list(self.target.format.render(documents, self.context))
        if len(files) > 1:
            name = self.target.format.name
            raise SetupError("CB-241", f"the format {name} writes a file for every record, not one of all")
        out.write(files[0].data)

    def _refuse(self, found: Document, error: CaseBridgeError | None = None) -> None:
        if error is None or self._hangs_on_refused(found):
            error = RecordError("CB-245", f"a record this {found.native_type} hangs on was refused")
        if self.shelf.refuse(found):
            self.report.refuse(found.position, error)

    def _hangs_on_refused(self, document: Document) -> bool:
        return any(self.shelf.refused(type_, key) for type_, key in document.needs)
