"""Which reference pages there are, what stands in them, and which of the written ones are stale."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from casebridge.docs.case_pages import case_model_page, concepts_page, schemas
from casebridge.docs.coverage import coverage_page, kept_counts
from casebridge.docs.map_pages import map_pages
from casebridge.docs.requirement_pages import requirements_page
from casebridge.docs.rule_pages import errors_page, policy_page, referral_page

NOTE = "<!-- Made by `make docs` from the code and its data. Do not edit. -->\n\n"


@cache
def pages() -> dict[str, str]:
    """Every generated file by its path under docs/reference."""
    written = {
        "case-model.md": case_model_page(),
        "concepts.md": concepts_page(),
        "errors.md": errors_page(),
        "fhir-requirements.md": requirements_page(),
        "policy.md": policy_page(),
        "referral.md": referral_page(),
        "maps/coverage.md": coverage_page(kept_counts()),
        **map_pages(),
    }
    return {name: NOTE + text for name, text in written.items()} | schemas()


def write(folder: Path) -> list[Path]:
    """Write what has changed and remove schemas of kinds and pages of maps that are gone; the paths that changed."""
    changed = stale(folder)
    wanted = pages()
    for path in changed:
        name = path.relative_to(folder).as_posix()
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def stale(folder: Path) -> list[Path]:
    """The files that are missing, differ from what the code says now, or are schemas or pages of nothing."""
    wanted = pages()
    differ = [folder / name for name, text in wanted.items() if _text(folder / name) != text]
    known = {folder / name for name in wanted}
    there = [*folder.glob("schemas/*.json"), *folder.glob("maps/**/*.md")]
    return differ + [path for path in sorted(there) if path not in known]


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
