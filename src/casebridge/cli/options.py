"""What every command shares: its options, and the bridge it works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from casebridge.app import Bridge, open_bridge
from casebridge.cli.printing import err, plain
from casebridge.core.errors import SetupError
from casebridge.engine import relocating

CONFIG = Path("casebridge.toml")
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The site's configuration.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MessageArgument = Annotated[str, typer.Argument(help="A message's id, as casebridge held list shows it.")]
HERE = Path()
FolderOption = Annotated[Path, typer.Option("--folder", help="Where your own mappings/ and plugins/ are.")]
SettingOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the format, as layout=NAME.")
]
TestOption = Annotated[bool, typer.Option("--test", help="The file says that it is a test (X12 ISA15 = T).")]
PartnerArgument = Annotated[str, typer.Argument(help="A partner's name in casebridge.toml, such as coc-hmis.")]


def settings_of(given: list[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` options as settings; SetupError CB-241 for one that is neither."""
    pairs = [text.partition("=") for text in given or ()]
    for name, mark, _ in pairs:
        if not (name and mark):
            raise SetupError("CB-241", f"`{name}` is no setting: write it as NAME=VALUE")
    return {name: value for name, _, value in pairs}


@contextmanager
def bridge_of(path: Path, *, looking: bool = False, changing: bool = False) -> Iterator[Bridge]:
    """The bridge a command works on, closed afterwards. A command that only looks warns of maps not in order.

    ``changing``: what is decided must not stay behind on a store that has moved (SetupError CB-151, CB-152).
    """
    bridge = open_bridge(path, looking=looking)
    for problem, partners in _by_problem(bridge).items():
        err.print(plain(f"{', '.join(partners)}: the maps are not in order: {problem}"), style="yellow", soft_wrap=True)
    try:
        if changing:
            relocating.here(bridge.site)
        yield bridge
    finally:
        bridge.close()


def _by_problem(bridge: Bridge) -> dict[str, list[str]]:
    """The partners whose maps have the same fault, by the fault."""
    found: dict[str, list[str]] = {}
    for partner, problem in bridge.lanes.map_problems.items():
        found.setdefault(problem, []).append(partner)
    return found
