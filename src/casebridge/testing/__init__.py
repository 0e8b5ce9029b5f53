"""The conformance kit: an adapter's whole conformance test is one line. Nothing in the gateway imports it."""

from casebridge.testing.converters import check_converter
from casebridge.testing.fakes import a_context, a_dispatch, a_release, a_render_context
from casebridge.testing.formats import check_format
from casebridge.testing.links import check_link
from casebridge.testing.verdict import NotConforming

__all__ = [
    "NotConforming", "a_context", "a_dispatch", "a_release", "a_render_context", "check_converter", "check_format",
    "check_link",
]  # fmt: skip
