"""Examples made from a map itself: records, slices, edits and what is odd. Needs nothing but the map and its schema."""

from casebridge.mapping.generate.records import records, slices

__all__ = ["records", "slices"]
