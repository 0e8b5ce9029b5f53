"""Run every benchmark of this folder in turn (``make bench``); one alone: ``python -m benchmarks.NAME``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Each in a process of its own, so that none warms the caches of the next; ends with 1 if one failed."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    failed = []
    for name in names:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=False).returncode:
            failed.append(name)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
