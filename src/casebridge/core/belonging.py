"""Which record of a slice is which, and whom it is about, when the source itself does not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NATURAL_KEYS = {
    "participation": ("participation_kind", "line", "plan", "entry"),
    "need": ("domain",),
    "assessment": ("assessment_kind", "date", "stage"),
}
"""What tells the records of one list apart when the source gives them no id of their own."""


def external_id_of(owner: str, kind: str, path: str, record: Mapping[str, Any]) -> str:
    """The source's id of the record at ``path`` of a slice that came in the native record ``owner``."""
    given = record.get("external_id")
    if given:
        return str(given)
    if "[" not in path:
        return owner if path == kind else f"{owner}#{kind}"
    names = NATURAL_KEYS.get(kind)
    key = "/".join(str(record.get(n) or "") for n in names) if names else path.partition("[")[2].rstrip("]")
    return f"{owner}#{kind}:{key}"


def subject_of(owner: str, kind: str, record: Mapping[str, Any], slice_: Mapping[str, Any]) -> str:
    """The source's id of the person a record is about; nothing when nobody says."""
    named = (record.get("subject") or {}).get("external_id")
    if named:
        return str(named)
    return owner if "person" in slice_ and kind != "organization" else ""
