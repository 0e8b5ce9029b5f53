"""Reading an 834 of 50,000 members: ours beside the floor (``data.split("~")``) and pyx12 where it is installed.

``python -m benchmarks.x12_834 [--members N] [--json]``. What is compared does not do the same work: the floor only cuts
the text; pyx12 validates every segment against its maps and builds trees; ours checks the whole envelope first,
validates codes, dates and structure, and gives one dict for each member. pyx12 is timed on fewer members.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from casebridge_x12.format import X12, Settings

from benchmarks._printed import Figure, show
from casebridge import Context, Native

GENERATOR = Path(__file__).resolve().parents[1] / "plugins" / "x12" / "tests" / "make_834.py"
RUNS = 3
PEER_SHARE = 25  # pyx12 reads one member in so many


def generate(total: int) -> str:
    """A made-up file of ``total`` members."""
    spec = importlib.util.spec_from_file_location("make_834", GENERATOR)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{GENERATOR} is missing: run this from a checkout")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_834"] = module
    spec.loader.exec_module(module)
    return "".join(module.file_834(total))


def best(action: Callable[[], int], expected: int) -> float:
    """Seconds of the fastest of three runs; stops when a run does not read everything."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        count = action()
        times.append(time.perf_counter() - start)
        if count != expected:
            raise SystemExit(f"{count} read, {expected} expected")
    return min(times)


def ours(path: Path) -> int:
    """Members that became native records."""
    with path.open("rb") as stream:
        return sum(isinstance(record, Native) for record in X12(Settings(), Context("bench", "test")).parse(stream, {}))


def floor(path: Path) -> int:
    """INS segments of the text cut at every terminator."""
    return sum(part.lstrip().startswith("INS*") for part in path.read_text().split("~"))


def pyx12(text: str) -> int:
    """2000 loops that pyx12 gives."""
    import pyx12.error_handler
    import pyx12.params
    import pyx12.x12context

    reader = pyx12.x12context.X12ContextReader(
        pyx12.params.params(), pyx12.error_handler.errh_null(), io.StringIO(text)
    )
    return sum(node.id == "2000" for node in reader.iter_segments("2000"))


def figures(total: int) -> list[Figure]:
    """Microseconds per member, each beside the floor."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "members.834"
        path.write_text(generate(total))
        base = best(lambda: floor(path), total) / total
        mine = best(lambda: ours(path), total) / total
        found = [_figure("834 cut at ~, nothing else", base, base), _figure("834 to native dicts", mine, base)]
    if importlib.util.find_spec("pyx12"):
        fewer = max(1, total // PEER_SHARE)
        text = generate(fewer)
        seconds = best(lambda: pyx12(text), fewer) / fewer
        found.append(_figure(f"pyx12: trees of loop 2000 ({fewer} members)", seconds, base))
    return found


def _figure(name: str, seconds: float, base: float) -> Figure:
    return {"name": name, "value": round(seconds * 1e6, 2), "unit": "µs/member", "compared_to": "split at ~",
            "ratio": round(seconds / base, 1)}  # fmt: skip


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description="Reading an 834 beside its floor and pyx12.")
    parser.add_argument("--members", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    show(figures(asked.members), ("casebridge", "pyx12"), as_json=asked.json)


if __name__ == "__main__":
    main()
