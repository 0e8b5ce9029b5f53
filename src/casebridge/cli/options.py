"""What every command shares: its options, and the bridge it works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from casebridge.app import Bridge, open_bridge

CONFIG = Path("casebridge.toml")
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The site's configuration.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MessageArgument = Annotated[str, typer.Argument(help="A message's id, as casebridge held list shows it.")]
PartnerArgument = Annotated[str, typer.Argument(help="A partner's name in casebridge.toml, such as coc-hmis.")]


@contextmanager
def bridge_of(path: Path) -> Iterator[Bridge]:
    """The bridge a command works on, closed afterwards."""
    bridge = open_bridge(path)
    try:
        yield bridge
    finally:
        bridge.close()
