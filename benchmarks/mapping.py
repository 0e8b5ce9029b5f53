"""Maps beside code written by hand and beside other mapping libraries, in one run.

``python -m benchmarks.mapping [--rows N] [--json]``. One map of 40 fields (``data/patient40.yaml``) reads and writes
one Patient; the floor is ``_patient40_by_hand.py``. A peer that is not installed (``make bench`` installs them) is
left out and said to be so. Everything of one figure is timed in turns, round by round, in seconds of CPU, and the best
round counts, because the machine is shared.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import _hmis_client as hmis
from benchmarks import _patient40_by_hand as by_hand
from benchmarks._mapping_check import seconds_of_the_largest
from benchmarks._mapping_peers import PEERS, SHORT_OF
from benchmarks._patient40_put_by_hand import put
from benchmarks._printed import Figure, show
from casebridge.mapping import OwnIds, load_map

DATA = Path(__file__).parent / "data"
ROUNDS, SECONDS = 15, 0.02
LINKS = OwnIds()


def in_turns(work: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Microseconds a call, the best of several rounds in which everything has its turn."""
    calls = {name: _calls(run) for name, run in work.items()}
    best = dict.fromkeys(work, float("inf"))
    for _ in range(ROUNDS):
        for name, run in work.items():
            start = time.process_time()
            for _ in range(calls[name]):
                run()
            best[name] = min(best[name], (time.process_time() - start) / calls[name] * 1e6)
    return best


def _calls(run: Callable[[], Any]) -> int:
    """How many calls fill one turn; the first warms caches and compiles."""
    run()
    start = time.process_time()
    run()
    return max(1, int(SECONDS / max(time.process_time() - start, 1e-7)))


def edited(person: dict[str, Any]) -> dict[str, Any]:
    """The person with four fields changed: what a ``put`` usually has to write."""
    telecoms = [{**person["telecoms"][0], "value": "555-0111"}, *person["telecoms"][1:]]
    addresses = [{**person["addresses"][0], "city": "Springfield"}, *person["addresses"][1:]]
    traits = [{**person["characteristics"][0], "value": "2106-3"}, *person["characteristics"][1:]]
    changed = {"birth": "1987-02-21", "telecoms": telecoms, "addresses": addresses, "characteristics": traits}
    return {**person, **changed}


def patient_figures() -> list[Figure]:
    """Import, export and put of one Patient, and the peers' import."""
    map_ = load_map(DATA / "patient40.yaml")
    patient = json.loads((DATA / "patient40.json").read_text())
    person = map_.read(patient).slice["person"]
    after = edited(person)
    slice_, changed = {"person": person}, {"person": after}
    peers = {name: (lambda run=run: run(patient)) for name, run in _peers().items()}
    found = in_turns({
        "import by hand": lambda: by_hand.read(patient),
        "import": lambda: map_.read(patient).slice,
        "export by hand": lambda: by_hand.write(person),
        "export": lambda: map_.write(slice_, LINKS).data,
        "put by hand": lambda: put(after, patient),
        "put": lambda: map_.write(changed, LINKS, patient).data,
        "put, nothing changed": lambda: map_.write(slice_, LINKS, patient).data,
    } | peers)  # fmt: skip
    figures = [_beside(found, name, "µs", "by hand") for name in ("import", "export", "put")]
    figures.append(_figure("put", found["put"], "µs", "export by hand", found["put"] / found["export by hand"]))
    quiet = found["put, nothing changed"]
    figures.append(_figure("put, nothing changed", quiet, "µs", "put by hand", quiet / found["put by hand"]))
    return figures + _peer_figures(found, list(peers))


def _peers() -> dict[str, Callable[[dict[str, Any]], Any]]:
    built = {}
    for name, build in PEERS.items():
        try:
            built[name] = build()
        except ImportError:
            continue
    return built


def _peer_figures(found: dict[str, float], peers: list[str]) -> list[Figure]:
    ours = found["import"]
    figures = []
    for name in sorted(peers, key=found.__getitem__):
        note = f" ({SHORT_OF[name]})" if name in SHORT_OF else ""
        figures.append(_figure(f"import by {name}{note}", found[name], "µs", "our import", found[name] / ours))
    if peers:
        middle = median(found[name] for name in peers)
        figures.append(_figure("import by the peers, their median", middle, "µs", "our import", middle / ours))
    return figures


def client_figures(rows: int) -> list[Figure]:
    """HMIS Client.csv to NDJSON."""
    text, read = hmis.made_up(rows), hmis.through_the_map()
    found = in_turns({"by hand": lambda: hmis.by_hand(text), "map": lambda: hmis.to_ndjson(text, read)})
    hand, ours = (rows / found[name] * 1e6 for name in ("by hand", "map"))
    return [
        _figure(f"Client.csv to NDJSON by hand ({rows} rows)", hand, "rows/s", "by hand", 1.0),
        _figure("Client.csv to NDJSON through the map", ours, "rows/s", "by hand", ours / hand),
    ]


def check_figure() -> Figure:
    """Checking the largest shipped map: paths, rules, tables, examples and 2,000 round trips."""
    name, seconds = seconds_of_the_largest()
    return _figure(f"checking {name}", seconds, "s of CPU", "2 s", seconds / 2)


def _beside(found: dict[str, float], name: str, unit: str, floor: str) -> Figure:
    return _figure(name, found[name], unit, f"{name} {floor}", found[name] / found[f"{name} {floor}"])


def _figure(name: str, value: float, unit: str, compared_to: str, ratio: float) -> Figure:
    return {"name": name, "value": round(value, 2), "unit": unit, "compared_to": compared_to, "ratio": round(ratio, 2)}


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description="Maps beside code written by hand and other libraries.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = [*patient_figures(), *client_figures(asked.rows), check_figure()]
    show(figures, ("casebridge", "orjson", *PEERS), as_json=asked.json)


if __name__ == "__main__":
    main()
