"""Looking at maps: their lines, what they do to a record, how two differ. Nothing here changes anything."""

from casebridge.mapping.inspection.lines import Row, rows

__all__ = ["Row", "rows"]
