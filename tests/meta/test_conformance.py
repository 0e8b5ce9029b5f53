"""The bundled adapters take the same examination as a stranger's: the conformance kit."""

from __future__ import annotations

import pytest

from casebridge import adapter_check
from casebridge.mapping.converters import BUILT_IN
from casebridge.plugins import load_plugins
from casebridge.testing import check_converter

REGISTRY = load_plugins()
CONVERTERS = {**BUILT_IN, **REGISTRY.converters}
ADAPTERS = {
    f"{kind} {name}": (check, cls)
    for kind, shelf, check in (
        ("format", REGISTRY.formats, adapter_check.check_format),
        ("link", REGISTRY.links, adapter_check.check_link),
        ("door", REGISTRY.doors, adapter_check.check_door),
    )
    for name, cls in shelf.items()
}


def test_no_bundled_plugin_is_out():
    assert {r.name: r.problem for r in REGISTRY.reports if r.problem} == {}


@pytest.mark.parametrize("kind", ["formats", "links", "doors", "converters", "maps", "observes"])
def test_a_hook_ships_only_with_a_plugin_that_uses_it(kind):
    assert [r.name for r in REGISTRY.reports if getattr(r, kind)]


@pytest.mark.parametrize("name", CONVERTERS)
def test_a_converter_keeps_its_law(name):
    check_converter(CONVERTERS[name])


@pytest.mark.parametrize("name", CONVERTERS)
def test_a_converter_is_explained(name):
    assert CONVERTERS[name].about


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_explained_and_every_setting_too(name):
    _, cls = ADAPTERS[name]
    assert (cls.__doc__ or "").strip()
    assert [field for field, info in cls.Settings.model_fields.items() if not info.description] == []


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_keeps_its_contract(name):
    check, cls = ADAPTERS[name]
    assert name.endswith(check(cls))
