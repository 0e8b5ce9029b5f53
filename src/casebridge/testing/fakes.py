"""Stand-ins for what the engine gives an adapter.

``a_release`` makes a Released without a decision. Only here may that be: no module of the gateway and no adapter can
import ``casebridge.testing`` (import-linter), so nothing real ever leaves by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from casebridge.adapter import Context, Dispatch, OutFile, RenderContext
from casebridge.core.released import Released, _issue


def a_context(**given: Any) -> Context:
    """The site an adapter works for; ``partner`` is ``neighbour`` unless given."""
    return Context(**{"partner": "neighbour", "environment": "test", **given})


def a_render_context(**given: Any) -> RenderContext:
    """A rendering at a fixed moment, so that its result never varies."""
    now = datetime(2026, 2, 3, 14, 5, 6, tzinfo=UTC)
    return RenderContext(**{"dispatch": "01JT00000000000000000000AA", "now": now, "environment": "test", **given})


def a_release(document: Mapping[str, Any], native_type: str = "", **given: Any) -> Released:
    """A release of ``document`` to nobody real."""
    facts: dict[str, Any] = {"recipient": "neighbour", "purpose": "treatment", "policy": "kit", **given}
    return _issue(document=document, native_type=native_type, **facts)


def a_dispatch(*files: OutFile, **given: Any) -> Dispatch:
    """A dispatch of these files; one that does not say which releases it holds has a release of its own."""
    releases = tuple(a_release({}) for _ in files) or (a_release({}),)
    named = tuple(file if file.records else replace(file, records=(n,)) for n, file in enumerate(files))
    facts: dict[str, Any] = {"id": "01JT00000000000000000000AA", "partner": "neighbour", "releases": releases, **given}
    return Dispatch(files=named, **facts)
