"""Checking maps: what is proved before a map runs. These are the package's public names."""

from casebridge.mapping.checking.cache import Proved
from casebridge.mapping.checking.checker import check, check_set, element_of
from casebridge.mapping.checking.gate import admit
from casebridge.mapping.checking.laws import check_converters
from casebridge.mapping.checking.report import Finding, Report, Verdict

__all__ = [
    "Finding", "Proved", "Report", "Verdict", "admit", "check", "check_converters", "check_set", "element_of",
]  # fmt: skip
