"""The page docs/adapters/flatfile.md: its layouts are loaded and read what it shows."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path

import pytest
from casebridge_flatfile.format import FlatfileFormat
from casebridge_flatfile.tmsis import TmsisFormat

from casebridge import Native
from casebridge.testing import a_context

PAGE = (Path(__file__).resolve().parents[3] / "docs/adapters/flatfile.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def layouts(tmp_path: Path) -> list[FlatfileFormat]:
    made = []
    for number, text in enumerate(blocks("yaml")):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
        settings = FlatfileFormat.Settings(layout=f"{number}.yaml")
        made.append(FlatfileFormat(settings, a_context(base_dir=str(tmp_path))))
    return made


def test_the_csv_layout_reads_the_csv_it_shows(layouts):
    (native,) = layouts[0].parse(io.BytesIO(blocks("text")[0].encode()), {})
    assert isinstance(native, Native)
    assert native.data == {
        "client_id": "K-17", "first_name": "Ada", "last_name": "Moreno", "birth_date": "02/20/1987",
    }  # fmt: skip


def test_the_fixed_width_layout_reads_a_file_of_its_kind(layouts):
    text = "HBATCH-7\r\nD100000001Moreno\r\nT1\r\n"
    assert layouts[1].identity(io.BytesIO(text.encode())) == "flatfile:county-roster/BATCH-7"
    assert [n.external_id for n in layouts[1].parse(io.BytesIO(text.encode()), {}) if isinstance(n, Native)] == [
        "100000001"
    ]


def test_the_settings_it_shows_are_taken():
    shelter, state = (next(iter(tomllib.loads(text)["partner"].values())) for text in blocks("toml"))
    assert FlatfileFormat.Settings(**shelter["format_settings"]).layout == "layouts/shelter.yaml"
    assert (state["format"], state["maps"]) == (TmsisFormat.name, "tmsis")
