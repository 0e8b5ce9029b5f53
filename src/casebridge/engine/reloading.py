"""Changed maps are taken up between messages, without a restart; a bad one never takes the place of a good one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from casebridge.core.errors import Bug, CaseBridgeError, MapError
from casebridge.engine.site import Partner, Site
from casebridge.mapping import MapSet
from casebridge.store import ledger

log = logging.getLogger("casebridge.maps")
Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(slots=True)
class MapWatch:
    """Looks at the site's own ``mappings`` folder: where a name, a time or a size changed, maps are read and checked.

    ``load`` reads and checks the set of that name; it is told which digests are in use and need no check.
    ``problems`` says for each partner why its newest maps are not used (``file:line:column``).
    """

    folder: Path
    load: Callable[[str, frozenset[str]], MapSet]
    problems: dict[str, str] = field(default_factory=dict)
    _seen: Signature = ()

    def __post_init__(self) -> None:
        self._seen = self._signature()

    def look(self, site: Site) -> None:
        """Take up what changed since the last look. Cheap when nothing did."""
        found = self._signature()
        if found != self._seen:
            self._seen = found
            read: dict[str, MapSet | CaseBridgeError] = {}  # a set that several partners use is checked once
            for partner in list(site.partners.values()):
                name = partner.maps.name
                if name not in read:
                    read[name] = self._read(name, frozenset(m.digest for m in partner.maps))
                self._again(site, partner, read[name])

    def _read(self, name: str, used: frozenset[str]) -> MapSet | CaseBridgeError:
        try:
            return self.load(name, used)
        except CaseBridgeError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever a file in the folder does, messages go on with the old maps
            log.error("reading the maps %s: unexpected %s", name, type(error).__name__)
            return Bug("CB-901", f"the maps `{name}` cannot be read: unexpected {type(error).__name__}")

    def _again(self, site: Site, partner: Partner, maps: MapSet | CaseBridgeError) -> None:
        used = frozenset(m.digest for m in partner.maps)
        if isinstance(maps, CaseBridgeError):
            self._refuse(site, partner, maps)
            return
        self.problems.pop(partner.name, None)
        if {m.digest for m in maps} != used:
            site.partners[partner.name] = replace(partner, maps=maps)
            _tell(site, partner, "maps-changed", "", ", ".join(m.name for m in maps if m.digest not in used))
            log.info("%s: the maps %s changed and are used from now on", partner.name, maps.name)

    def _refuse(self, site: Site, partner: Partner, error: CaseBridgeError) -> None:
        self.problems[partner.name] = f"{error.message} ({error.code})"
        where = f"{error.file}:{error.line}:{error.column}" if isinstance(error, MapError) else ""
        _tell(site, partner, "maps-refused", error.code, where)
        log.warning("%s: the changed maps are not used, the old ones stay: %s (%s)", partner.name, error.message,
                    error.code)  # fmt: skip

    def _signature(self) -> Signature:
        return tuple(sorted(_stats(self.folder)))


def _stats(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    """(path, time, time of its entry, size) of every map and code table; one that is just being replaced is not there
    yet. A clock that went back, or a copy that keeps the old time, changes the entry all the same."""
    for path in folder.rglob("*"):
        if path.suffix in (".yaml", ".csv"):
            try:
                found = path.stat()
            except OSError:
                continue
            yield str(path), found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _tell(site: Site, partner: Partner, name: str, code: str, where: str) -> None:
    with site.store.write() as c:
        ledger.note(c, site.now(), name, partner=partner.name, code=code or None, facts={"maps": where})
    site.tell(name, partner=partner.name, code=code)
