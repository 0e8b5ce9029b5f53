"""What an OperationOutcome may tell us: severities and codes, never its free text (it can quote the record)."""

from __future__ import annotations

import re
from typing import Any

_CODE = re.compile(r"^[a-z-]{2,30}$")  # http://hl7.org/fhir/issue-type
_PATH = re.compile(r"^[A-Za-z][A-Za-z0-9.\[\]:]{0,80}$")


def failed(outcome: dict[str, Any]) -> bool:
    """Whether it reports an error, or cannot be understood; information and warnings are no failure."""
    return any(issue.get("severity") not in ("information", "warning") for issue in _issues(outcome)) or not _issues(
        outcome
    )


def codes(outcome: Any) -> str:
    """``required (Task.status), invalid`` : the issue types and the element paths, nothing else."""
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return ""
    return ", ".join(dict.fromkeys(_issue(issue) for issue in _issues(outcome)[:5]))


def _issues(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    issues = outcome.get("issue")
    return [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []


def _issue(issue: dict[str, Any]) -> str:
    code = issue.get("code")
    where = issue.get("expression") or issue.get("location") or []
    paths = [p for p in where if isinstance(p, str) and _PATH.match(p)] if isinstance(where, list) else []
    name = code if isinstance(code, str) and _CODE.match(code) else "unknown"
    return f"{name} ({paths[0]})" if paths else name
