"""Fixtures: the generator of made-up files, the samples' folder and a reader of bytes."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from casebridge_x12.converters import SERVICE_TYPES
from casebridge_x12.format import X12, Settings

from casebridge import Context, Native
from casebridge.core.errors import RecordError
from casebridge.mapping import MapSet, load_set, with_converters

ROOT = Path(__file__).resolve().parents[3]
CONVERTERS = with_converters([SERVICE_TYPES])
Read = Callable[..., list[Native | RecordError]]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_834", Path(__file__).with_name("make_834.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_834"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """The module make_834."""
    return _generator()


@pytest.fixture(scope="session")
def samples() -> Path:
    folder = Path(os.environ.get("CASEBRIDGE_SAMPLES", ROOT.parent / "shared" / "samples")) / "x12"
    if not folder.is_dir():
        pytest.skip("the samples are not here")
    return folder


@pytest.fixture(scope="session")
def x12() -> Callable[..., X12]:
    """``x12("test", member_ref="23")``: the format as set up for a partner."""

    def make(environment: Any = "test", **settings: Any) -> X12:
        return X12(Settings(**settings), Context("state", environment))

    return make


@pytest.fixture(scope="session")
def read(x12: Callable[..., X12]) -> Read:
    """``read(data)``: what the format gives for a text or bytes."""

    def run(data: str | bytes, environment: str = "test", **settings: Any) -> list[Native | RecordError]:
        raw = data.encode() if isinstance(data, str) else data
        return list(x12(environment, **settings).parse(io.BytesIO(raw), {}))

    return run


@pytest.fixture(scope="session")
def file_of(made: ModuleType) -> Callable[..., str]:
    """``file_of("INS*Y*18*...", "REF*0F*...")``: a whole file round the segments of table 2, written with ``*``."""

    def build(*segments: str, header: list[list[str]] | None = None, **style: str) -> str:
        body = [*(made.table_1(1) if header is None else header), *(segment.split("*") for segment in segments)]
        return "".join(made.Interchange(**style).write(body))

    return build


@pytest.fixture(scope="session")
def maps() -> MapSet:
    """The shipped maps."""
    return load_set("x12", [ROOT / "mappings"], converters=CONVERTERS)


@pytest.fixture(scope="session")
def docs() -> str:
    """The page docs/adapters/x12.md."""
    return (ROOT / "docs" / "adapters" / "x12.md").read_text(encoding="utf-8")
