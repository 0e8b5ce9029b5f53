"""Maps as generated Python: one straight-line function per direction, with the interpreter behind it."""

from casebridge.mapping.compiled.executor import Compiled

__all__ = ["Compiled"]
