"""Looking at maps: their lines, what they do to a record, how two differ. Nothing here changes anything."""

from casebridge.mapping.inspection.lines import Row, rows
from casebridge.mapping.inspection.recipients import not_for, usual_purpose
from casebridge.mapping.inspection.trial import Step, Trial, Value, attempt

__all__ = ["Row", "Step", "Trial", "Value", "attempt", "not_for", "rows", "usual_purpose"]
