"""What ``casebridge adapters`` shows: each plugin, what it gives and what can be set, as plain data."""

from __future__ import annotations

import re
from typing import Any

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from casebridge.adapter import Converter, Settings
from casebridge.core.errors import SetupError
from casebridge.registry import PluginReport, Registry


def describe(registry: Registry, name: str | None = None) -> list[dict[str, Any]]:
    """Every plugin, or those called ``name`` or giving an adapter of that name; SetupError CB-103 if there is none.

    Each is ``{name, version, source, problem, code, remedy, formats, links, doors, converters, natives, maps,
    observes}``;
    formats, links and doors are lists of ``{name, about, settings: [{name, type, required, default, secret,
    description}]}``, formats also with ``capabilities``. A plugin that is out says why in ``problem``.
    """
    chosen = [report for report in registry.reports if name is None or _is_called(report, name)]
    if not chosen:
        names = ", ".join(report.name for report in registry.reports)
        raise SetupError("CB-103", f'There is no plugin or adapter "{name}" (installed: {names})')
    return [_plugin(registry, report) for report in chosen]


def settings_of(model: type[Settings]) -> list[dict[str, Any]]:
    """A settings model's fields. The default of a secret is never shown."""
    return [_field(name, info) for name, info in model.model_fields.items()]


def _is_called(report: PluginReport, name: str) -> bool:
    given = report.formats + report.links + report.doors + report.converters + report.natives + report.maps
    return name in (report.name, *given)


def _plugin(registry: Registry, report: PluginReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "version": report.version,
        "source": report.source,
        "problem": report.problem,
        "code": report.code,
        "remedy": report.remedy,
        "formats": [_adapter(registry.formats[n]) for n in report.formats],
        "links": [_adapter(registry.links[n]) for n in report.links],
        "doors": [_adapter(registry.doors[n]) for n in report.doors],
        "converters": [_converter(registry.converters[n]) for n in report.converters],
        "natives": list(report.natives),
        "maps": list(report.maps),
        "observes": report.observes,
    }


def _adapter(cls: Any) -> dict[str, Any]:
    about = (cls.__doc__ or "").strip().split("\n")[0]
    shown = {"name": cls.name, "about": about, "settings": settings_of(cls.Settings)}
    if hasattr(cls, "capabilities"):
        shown["capabilities"] = sorted(cls.capabilities)
    return shown


def _converter(converter: Converter) -> dict[str, str]:
    return {"name": converter.name, "law": converter.law, "about": converter.about}


def _field(name: str, info: FieldInfo) -> dict[str, Any]:
    secret = _is_secret(info.annotation)
    default = None if info.is_required() or secret else info.get_default(call_default_factory=True, validated_data={})
    return {
        "name": info.alias or name,
        "type": _type_name(info.annotation),
        "required": info.is_required(),
        "default": default if isinstance(default, str | int | float | bool | None) else str(default),
        "secret": secret,
        "description": info.description or "",
    }


def _is_secret(annotation: Any) -> bool:
    parts = getattr(annotation, "__args__", ())
    return annotation in (SecretStr, SecretBytes) or any(_is_secret(part) for part in parts)


def _type_name(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else annotation
    return re.sub(r"(?<!['\w])(?:[A-Za-z_]\w*\.)+(?=\w)", "", str(text))
