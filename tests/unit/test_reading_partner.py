"""A partner whose format only reads is written nothing, though its maps go both ways."""

from pathlib import Path

import pytest
from casebridge_x12.converters import SERVICE_TYPES
from casebridge_x12.format import X12, Settings

from casebridge import Context
from casebridge.engine.site import Partner
from casebridge.mapping import load_set, with_converters
from casebridge.plugins import SHIPPED_MAPS


@pytest.fixture
def payer(tmp_path: Path) -> Partner:
    maps = load_set("x12", [SHIPPED_MAPS], converters=with_converters([SERVICE_TYPES]))
    return Partner("state", "payer", X12(Settings(), Context("state", "test")), None, maps)


def test_its_maps_could_write_a_person_but_no_map_is_found_for_it(payer):
    assert payer.maps.writing("person")
    assert payer.map_for("person") is None
