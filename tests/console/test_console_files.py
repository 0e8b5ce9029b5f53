"""What came: every file with what became of its records."""

from __future__ import annotations

from casebridge.engine import held, views

CLIENTS = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On"
GOOD = "K-1,Lena,Moreno,02/20/1987,,,,,,,,,"
BAD = "K-2,Tobi,Okafor,1987-13-99,,,,,,,,,"


def clients(*lines: str) -> bytes:
    return "\n".join([CLIENTS, *lines, ""]).encode()


def test_a_file_s_records_are_all_accounted_for(house):
    house.arrives("agency", "clients.csv", clients(GOOD, BAD))
    (row,) = views.file_rows(house.bridge.site)
    assert (row.partner, row.name, row.state, row.repeats) == ("Harbor Agency", "clients.csv", "Some are held", 0)
    assert (row.records, row.applied, row.held, row.not_ours, row.waiting, row.dropped) == (2, 1, 1, 0, 0, 0)


def test_a_record_given_up_leaves_the_file_done(house):
    house.arrives("agency", "clients.csv", clients(GOOD, BAD))
    held.drop(house.bridge.site, held.listed(house.bridge.site)[0].id, "sent on paper", by="test")
    (row,) = views.file_rows(house.bridge.site)
    assert (row.state, row.applied, row.held, row.dropped) == ("All done", 1, 0, 1)


def test_the_newest_file_comes_first_and_a_repeat_is_counted_on_the_first(house):
    for name, lines in (("one.csv", (GOOD,)), ("two.csv", (GOOD, BAD)), ("two.csv", (GOOD, BAD))):
        house.arrives("agency", name, clients(*lines))
    found = views.file_rows(house.bridge.site)
    assert [(row.name, row.repeats) for row in found] == [("two.csv", 1), ("one.csv", 0)]
    assert views.file_rows(house.bridge.site, limit=1, offset=1) == found[1:]
    assert views.file_rows(house.bridge.site, partner="mercy") == []


def test_a_file_that_cannot_be_read_is_held_whole(house):
    house.arrives("agency", "clients.csv", b"nothing,of,ours\n1,2,3\n")
    (row,) = views.file_rows(house.bridge.site)
    assert (row.name, row.state, row.held_whole, row.records) == ("clients.csv", "Stopped whole", True, 0)
