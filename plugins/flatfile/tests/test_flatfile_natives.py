"""The schema that maps of flat files are checked against: the columns of a layout."""

import pytest
from casebridge_flatfile.natives import NATIVES as KINDS

from casebridge.core.errors import SetupError

NATIVES = KINDS[0]
MINE = """layout: mine
kind: delimited
records:
  - {name: person, key: [id], columns: [{name: id}, {name: born, required: true}, {name: town, header: Town or city}]}
"""


def test_a_shipped_layout_gives_its_columns(tmp_path):
    client = NATIVES.element("client", {"layout": "agency-clients"}, tmp_path)
    assert {"client_id", "ssn", "left_on"} <= set(client.fields)
    assert client.fields["client_id"].required
    assert not client.fields["ssn"].required
    assert "client" in NATIVES.records


@pytest.mark.parametrize("place", ["sites/mine.yaml", "layouts/mine.yaml", "sites/layouts/mine.yaml"])
def test_a_site_keeps_its_layouts_beside_its_maps_or_above_them(tmp_path, place):
    file = tmp_path / place
    (tmp_path / "sites").mkdir()
    file.parent.mkdir(exist_ok=True)
    file.write_text(MINE)
    person = NATIVES.element("person", {"layout": "mine"}, tmp_path / "sites")
    assert {name: (e.required, e.about) for name, e in person.fields.items()} == {
        "id": (True, "id"), "born": (True, "born"), "town": (False, "Town or city"),
    }  # fmt: skip


def test_a_record_the_layout_lacks_is_unknown(tmp_path):
    assert NATIVES.element("cleint", {"layout": "agency-clients"}, tmp_path) is None


def test_a_map_without_a_layout_may_name_any_column(tmp_path):
    assert NATIVES.element("client", {}, tmp_path).type == "any"


@pytest.mark.parametrize("name", ["no-such", "../mine", "/mine"])
def test_a_layout_that_is_not_there_or_outside_is_refused(tmp_path, name):
    with pytest.raises(SetupError, match="CB-380"):
        NATIVES.element("client", {"layout": name}, tmp_path)


def test_headers_and_trailers_are_no_records_for_maps(tmp_path):
    shape = {"layout": "county-roster"}
    assert NATIVES.element("head", shape, tmp_path) is None
    assert set(NATIVES.element("member", shape, tmp_path).fields) >= {"case_number", "status"}
