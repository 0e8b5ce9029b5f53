"""Examples made from a map itself: records, slices, edits and what is odd. Needs nothing but the map and its schema."""

from casebridge.mapping.generate.coverage import Reached
from casebridge.mapping.generate.dice import Dice
from casebridge.mapping.generate.edits import Editor, edits
from casebridge.mapping.generate.hostile import hostile
from casebridge.mapping.generate.laws import Laws
from casebridge.mapping.generate.records import records, slices

__all__ = ["Dice", "Editor", "Laws", "Reached", "edits", "hostile", "records", "slices"]
