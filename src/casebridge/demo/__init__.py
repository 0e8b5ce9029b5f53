"""The demo: real servers around a real bridge, and every fact read back from the partners."""

from casebridge.demo.run import run

__all__ = ["run"]
