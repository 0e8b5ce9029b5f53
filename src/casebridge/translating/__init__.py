"""From one file to another through the case model, and the workshop in which maps are tried: no site, no store."""

from casebridge.translating.checkup import Checked, check_sets, checked, facts_of
from casebridge.translating.report import Report
from casebridge.translating.sides import Side, made_format, plain_records, side
from casebridge.translating.translation import translate
from casebridge.translating.workshop import Workshop, open_workshop

__all__ = [
    "Checked", "Report", "Side", "Workshop", "check_sets", "checked", "facts_of", "made_format", "open_workshop",
    "plain_records", "side", "translate",
]  # fmt: skip
