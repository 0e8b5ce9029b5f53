"""Find plugins, look at each on its own, and start with the sound ones.

A plugin comes from an entry point of group ``casebridge`` or is one file in a ``plugins/`` folder. Each is loaded,
checked against the hooks and asked what it gives, alone: whatever it does wrong, only it is out, and
``Registry.reports`` says why and what to do. The project's own adapters come in by the same way.
"""

from __future__ import annotations

import importlib.util
import logging
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from casebridge import adapter_check, hookspecs, logs
from casebridge.catalogue import describe
from casebridge.core.errors import SetupError
from casebridge.core.event import Event
from casebridge.hookspecs import GROUP, hookimpl
from casebridge.mapping.converters import BUILT_IN
from casebridge.registry import Offer, PluginReport, Registry

__all__ = ["Found", "PluginReport", "Registry", "describe", "load_found", "load_plugins"]

event_log = logging.getLogger("casebridge.events")
SHIPPED_MAPS = Path(__file__).parent / "mappings"  # in a checkout a link to the folder at the top
HOOKS = (
    "register_formats", "register_links", "register_doors", "register_converters", "register_natives", "register_maps",
    "on_event",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that is there but not loaded yet."""

    name: str
    version: str
    source: str
    load: Callable[[], object]


class Gateway:
    """The plugin ``casebridge``: the maps that come with the gateway, and a line in the log for each event."""

    @hookimpl
    def register_maps(self, register: Callable[[Path], None]) -> None:
        """Register ``casebridge/mappings``."""
        register(SHIPPED_MAPS)

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Log it to ``casebridge.events``; an event holds no personal data."""
        facts = (event.partner, event.message, event.stop, event.state, event.code)
        level = logging.WARNING if event.state == "held" else logging.INFO
        if event_log.isEnabledFor(level):
            with logs.bound(message=event.message, correlation=event.correlation, partner=event.partner,
                            stop=event.stop, state=event.state, code=event.code):  # fmt: skip
                event_log.log(level, "%s %s", event.name, " ".join(fact for fact in facts if fact))


def load_plugins(folder: Path | None = None) -> Registry:
    """Everything installed, then the one-file plugins in ``folder``; never raises for what a plugin does wrong."""
    found = installed(entry_points(group=GROUP))
    version = next((f.version for f in found if f.source == "casebridge"), "")
    shipped = Found("casebridge", version, "casebridge", Gateway)
    return load_found([shipped, *found, *one_file(folder)])


def load_found(candidates: Iterable[Found]) -> Registry:
    """Load each in turn. Of two that claim one name the first keeps it, so nothing is taken over in silence."""
    registry = Registry()
    for found in candidates:
        registry.reports.append(_admit(registry, found))
    return registry


def installed(points: Iterable[EntryPoint]) -> list[Found]:
    """Plugins by entry point: our own distribution first, then by name, so that the order never varies."""

    def found(point: EntryPoint) -> Found:
        name, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
        return Found(point.name, version, name, point.load)

    return sorted(map(found, points), key=lambda f: (f.source != "casebridge", f.source, f.name))


def one_file(folder: Path | None) -> Iterator[Found]:
    """Each ``*.py`` of the folder; names starting with ``_`` are left alone."""
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob("[!_.]*.py")):
        yield Found(path.stem, "", str(path), lambda path=path: _import_file(path))  # type: ignore[misc]


def _import_file(path: Path) -> object:
    for place in (path.parent.parent, path.parent, path):  # who can write beside it can put another in its place
        _refuse_if_anyone_can_write(place)
    name = f"casebridge_one_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SetupError("CB-102", f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic and dataclasses look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _refuse_if_anyone_can_write(path: Path) -> None:
    if path.stat().st_mode & stat.S_IWOTH:
        remedy = f"Take the right away (chmod o-w {path}), look at what is in it, and start again."
        raise SetupError("CB-121", f"Anyone on this machine can write to {path}, so it was not run", remedy=remedy)


def _admit(registry: Registry, found: Found) -> PluginReport:
    try:
        plugin = _guarded("loading it", found.load)
        hooks = _hooks(found.name, plugin)
        offer = _ask(found, hooks)
        _refuse_taken_names(registry, found, offer)
    except SetupError as error:
        return _out(found, error)
    for part in fields(Offer):
        given, taken = getattr(offer, part.name), getattr(registry, part.name)
        taken.extend(given) if isinstance(given, list) else taken.update(given)
    if hooks.on_event.get_hookimpls():
        registry.observers[found.name] = lambda event: hooks.on_event(event=event)
    return _in(found, plugin, offer, observes=found.name in registry.observers)


def _hooks(name: str, plugin: object) -> Any:
    """The plugin's hooks, in a manager of its own so that no other plugin is touched by what is wrong with it."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise SetupError("CB-102", _explain(str(error), manager)) from error
    for hook in HOOKS:
        if callable(getattr(plugin, hook, None)) and not getattr(manager.hook, hook).get_hookimpls():
            raise SetupError("CB-102", f"{hook} is there but without @hookimpl, so it would never be called")
    return manager.hook


def _explain(text: str, manager: pluggy.PluginManager) -> str:
    for hook in vars(manager.hook):
        if hook.startswith("_") or getattr(manager.hook, hook).has_spec():
            continue
        near = get_close_matches(hook, HOOKS, n=1)
        return f"There is no hook {hook}" + (f"; did you mean {near[0]}?" if near else "")
    return "A hook has the wrong arguments: " + " ".join(text.split())


def _ask(found: Found, hooks: Any) -> Offer:
    offer = Offer()

    def into(shelf: dict[str, Any], check: Callable[[Any], str]) -> Callable[[Any], None]:
        def register(thing: Any) -> None:
            name = check(thing)
            if name in shelf and shelf[name] is not thing:
                raise SetupError("CB-122", f'It registers "{name}" twice')
            shelf[name] = thing

        return register

    def register_maps(folder: Path) -> None:
        offer.maps |= adapter_check.map_sets(folder)
        offer.map_folders.append(folder)

    asked: tuple[tuple[str, Callable[[Any], None]], ...] = (
        ("register_formats", into(offer.formats, adapter_check.check_format)),
        ("register_links", into(offer.links, adapter_check.check_link)),
        ("register_doors", into(offer.doors, adapter_check.check_door)),
        ("register_converters", into(offer.converters, adapter_check.check_converter)),
        ("register_natives", into(offer.natives, adapter_check.check_natives)),
        ("register_maps", register_maps),
    )
    for hook, register in asked:
        _guarded(hook, lambda hook=hook, register=register: getattr(hooks, hook)(register=register))  # type: ignore[misc]
    return offer


def _refuse_taken_names(registry: Registry, found: Found, offer: Offer) -> None:
    for other in registry.reports:
        if other.name == found.name and not other.problem:
            raise SetupError("CB-122", f'The plugin name "{found.name}" is already taken by {other.source}')
    for name in offer.converters.keys() & BUILT_IN.keys():
        raise SetupError("CB-122", f'The converter "{name}" is built in')
    for kind in ("formats", "links", "doors", "converters", "natives", "maps"):
        for name in getattr(offer, kind).keys() & getattr(registry, kind).keys():
            owner = next(r for r in registry.reports if not r.problem and name in getattr(r, kind))
            raise SetupError("CB-122", f'Of {kind}, "{name}" is already given by the plugin {owner.name}')


def _guarded(doing: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except SetupError:
        raise
    except (Exception, SystemExit) as error:
        raise SetupError("CB-102", f"{doing} raised {type(error).__name__}: {str(error)[:300]}") from error


def _in(found: Found, plugin: object, offer: Offer, *, observes: bool) -> PluginReport:
    return PluginReport(
        name=found.name,
        version=found.version or str(getattr(plugin, "__version__", "")),
        source=found.source,
        formats=tuple(offer.formats),
        links=tuple(offer.links),
        doors=tuple(offer.doors),
        converters=tuple(offer.converters),
        natives=tuple(offer.natives),
        maps=tuple(offer.maps),
        observes=observes,
    )


def _out(found: Found, error: SetupError) -> PluginReport:
    return PluginReport(
        found.name, found.version, found.source, problem=error.message, code=error.code, remedy=error.remedy
    )
