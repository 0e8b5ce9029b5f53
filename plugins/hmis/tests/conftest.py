"""What the HMIS tests share: exports made up on the spot, and how to read and write them in one line."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from casebridge_hmis.codec import HmisCsv, HmisCsv2024
from casebridge_hmis.settings import HmisSettings

from casebridge import Context, Native, RenderContext
from casebridge.core.released import Released, _issue

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
SAMPLES = Path(os.environ.get("CASEBRIDGE_SAMPLES", CHECKOUT / "../shared/samples"))
LSA = SAMPLES / "hmis" / "lsa_sample_fy2026.zip"


@pytest.fixture(scope="session")
def making():
    """The generator next door."""
    spec = importlib.util.spec_from_file_location("make_hmis", HERE / "make_hmis.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def codec():
    """``codec(strict=True)``: the format with these settings."""
    return lambda **settings: HmisCsv(HmisSettings(**settings), Context("hmis", timezone="America/New_York"))


@pytest.fixture(scope="session")
def codec_2024():
    """The same for FY2024."""
    return lambda **settings: HmisCsv2024(HmisSettings(**settings), Context("hmis", timezone="America/New_York"))


@pytest.fixture(scope="session")
def read(codec):
    """``read(zip)`` -> (natives, errors)."""

    def reading(stream, **settings: Any):
        found = list(codec(**settings).parse(stream, {}))
        return [n for n in found if isinstance(n, Native)], [e for e in found if not isinstance(e, Native)]

    return reading


@pytest.fixture(scope="session")
def released():
    """``released("Event", document)``: as the engine hands it to ``render``."""

    def make(file: str, document: dict[str, Any]) -> Released:
        return _issue(
            document=document, recipient="hmis", purpose="treatment", policy="1", native_type=f"hmis-csv/{file}"
        )

    return make


@pytest.fixture(scope="session")
def morning() -> RenderContext:
    """Six in the morning in New York."""
    return RenderContext("01KAZ0000000000000DISPATCH", datetime(2026, 11, 22, 11, 0, tzinfo=UTC), partner="hmis")


@pytest.fixture(scope="session")
def lsa(tmp_path_factory) -> Path:
    """HUD's sample export; tests that need it skip where it is not.

    Of its 180,692 rows of Disabilities.csv the first 10,000, unless CASEBRIDGE_EXPLORE asks for all.
    """
    if not LSA.exists():
        pytest.skip("the public samples are not here (set CASEBRIDGE_SAMPLES)")
    if "CASEBRIDGE_EXPLORE" in os.environ:
        return LSA
    cut = tmp_path_factory.mktemp("lsa") / LSA.name
    with zipfile.ZipFile(LSA) as whole, zipfile.ZipFile(cut, "w", zipfile.ZIP_DEFLATED) as target:
        for info in whole.infolist():
            lines = whole.read(info).splitlines(keepends=True)
            target.writestr(info, b"".join(lines[:10_001] if info.filename.endswith("Disabilities.csv") else lines))
    return cut
