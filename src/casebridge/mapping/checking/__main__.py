"""``python -m casebridge.mapping.checking``: check the shipped maps that have changed; write down what was proved."""

import sys
from pathlib import Path

from casebridge.mapping.checking.cache import SHIPPED, as_csv, shipped
from casebridge.mapping.checking.shipped import proofs

if __name__ == "__main__":
    found = list(proofs(known=shipped()))
    for report, _ in found:
        sys.stdout.write("".join(f"{report.map}: {line}\n" for line in map(str, report.errors)))
    rows = [(report.map, number) for report, number in found if report.ok]
    Path(__file__).with_name("data").joinpath(Path(SHIPPED).name).write_text(as_csv(rows), encoding="utf-8")
    sys.stdout.write(f"{len(rows)} of {len(found)} shipped maps are proved\n")
    sys.exit(0 if len(rows) == len(found) else 4)
