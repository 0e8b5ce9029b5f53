"""The minimum necessary: which fields a recipient needs for a purpose (45 CFR 164.502(b), 164.514(d)).

Rows of ``data/minimum.csv``: recipient_role, purpose, domain, kind, field, form. A role of ``*`` is every role. A field
covers what lies below it (``telecoms`` gives ``telecoms.value``). ``domain`` is the referral's domain, ``*`` for
any, or ``same``: only records of the referral's own domain. ``form`` is empty, or ``year``: cut to the year.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from casebridge.core.disclosure import Request

COLUMNS = ["recipient_role", "purpose", "domain", "kind", "field", "form"]


@dataclass(frozen=True, slots=True)
class Minimum:
    """The allow-lists: (role, purpose, kind, field) to {domain: form}."""

    rows: Mapping[tuple[str, str, str, str], Mapping[str, str]]

    @classmethod
    def from_csv(cls, text: str) -> Minimum:
        """Raises ValueError when the columns are not ours or a form is unknown."""
        reader = csv.DictReader(text.splitlines())
        if reader.fieldnames != COLUMNS:
            raise ValueError(f"the allow-list has the columns {', '.join(COLUMNS)}")
        rows: dict[tuple[str, str, str, str], dict[str, str]] = {}
        for line, row in enumerate(reader, 2):
            if row["form"] not in ("", "year"):
                raise ValueError(f"line {line}: form is empty or year")
            key = row["recipient_role"], row["purpose"], row["kind"], row["field"]
            rows.setdefault(key, {})[row["domain"]] = row["form"]
        return cls(rows)

    def form(self, request: Request) -> str | None:
        """How the field may go: as it is (empty), as a year, or not at all (None). The fuller form wins."""
        best: str | None = None
        for key in _keys(request):
            for domain, form in self.rows.get(key, _NONE).items():
                if _fits(domain, request):
                    if not form:
                        return form
                    best = form
        return best


_NONE: Mapping[str, str] = {}


def _keys(request: Request) -> Iterator[tuple[str, str, str, str]]:
    """The rows that speak of the field or of what it is part of, for its role or for every role."""
    field = request.field
    while field:
        yield request.recipient_role, request.purpose, request.kind, field
        yield "*", request.purpose, request.kind, field
        field = field.rpartition(".")[0]


def _fits(domain: str, request: Request) -> bool:
    if domain == "same":
        return bool(request.domain) and request.record_domain == request.domain
    return domain in ("*", request.domain)
