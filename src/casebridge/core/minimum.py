"""The minimum necessary: which fields a recipient needs for a purpose (45 CFR 164.502(b), 164.514(d)).

Rows of ``data/minimum.csv``: recipient_role, purpose, domain, kind, field, form. A role of ``*`` is every role. A field
covers what lies below it (``telecoms`` gives ``telecoms.value``). ``domain`` is the referral's domain, ``*`` for
any, or ``same``: only records of the referral's own domain. ``form`` is empty, or ``year``: cut to the year.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
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
        found: set[str] = set()
        for field in _upward(request.field):
            for role in (request.recipient_role, "*"):
                domains = self.rows.get((role, request.purpose, request.kind, field), {})
                found.update(form for domain, form in domains.items() if _fits(domain, request))
        return min(found, default=None)


def _upward(field: str) -> Iterable[str]:
    """The field and everything it is part of."""
    parts = field.split(".")
    return (".".join(parts[:n]) for n in range(len(parts), 0, -1))


def _fits(domain: str, request: Request) -> bool:
    if domain == "same":
        return bool(request.domain) and request.record_domain == request.domain
    return domain in ("*", request.domain)
