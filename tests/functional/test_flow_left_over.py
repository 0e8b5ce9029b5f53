"""``rest: report``: what no line of a map reads is on the books, by its place and never by its value."""

from __future__ import annotations

from sites import TestSite

PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Moreno"}], "photo": [{"title": "badge"}]}


def test_what_no_line_reads_is_reported_where_the_map_says_so(site: TestSite) -> None:
    site.drop("hospital", "a.json", PATIENT)
    assert site.noted("left-over") == []  # the map that comes with us keeps it, and says nothing
    overlay = site.folder / "mappings" / "mercy" / "patient.yaml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text("map: mercy/patient\nbase: sdohcc/patient\nrest: report\nfields: {birth: drop}\n")
    config = site.folder / "casebridge.toml"
    config.write_text(config.read_text().replace('maps = "sdohcc"', 'maps = "mercy"'))
    site.reopen_with_same_settings()
    site.drop("hospital", "b.json", {**PATIENT, "birthDate": "1974-12-25"})
    assert site.held() == []
    (event,) = site.noted("left-over")
    assert (event["partner"], event["facts"]) == ("hospital", {"paths": ["photo[0].title", "birthDate"], "more": 0})
    (message,) = [m for m in site.messages(kind="fhir-r4/Patient") if m.id == event["message"]]
    assert message.map_name == "mercy/patient"
