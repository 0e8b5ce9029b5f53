"""``python -m casebridge.docs``: write docs/reference of the checkout it is run in."""

import sys
from pathlib import Path

from casebridge.docs.coverage import counted, examples
from casebridge.docs.pages import write

if __name__ == "__main__":
    checkout = Path.cwd()
    if not (checkout / "docs").is_dir():
        sys.exit("There is no docs folder here. Run make docs at the top of the checkout.")
    if (folder := examples()) is not None:  # counted again only where the guide's examples are at hand
        counts = checkout / "src" / "casebridge" / "docs" / "data" / "fhir_coverage.csv"
        counts.write_text(counted(folder), encoding="utf-8")
    for path in write(checkout / "docs" / "reference"):
        sys.stdout.write(f"{path.relative_to(checkout)}\n")
