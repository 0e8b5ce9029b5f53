"""Looking at maps: their lines, what they do to a record, how two differ. Nothing here changes anything."""

from casebridge.mapping.inspection.compare import Difference, differences
from casebridge.mapping.inspection.coverage import Coverage
from casebridge.mapping.inspection.editors import map_schema
from casebridge.mapping.inspection.effective import effective_yaml, tree_of
from casebridge.mapping.inspection.lines import Row, rows
from casebridge.mapping.inspection.recipients import not_for, usual_purpose
from casebridge.mapping.inspection.search import lines_about
from casebridge.mapping.inspection.trial import Step, Trial, Value, attempt

__all__ = [
    "Coverage", "Difference", "Row", "Step", "Trial", "Value", "attempt", "differences", "effective_yaml",
    "lines_about", "map_schema", "not_for", "rows", "tree_of", "usual_purpose",
]  # fmt: skip
