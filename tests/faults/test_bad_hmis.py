"""Bad HMIS exports: the row is held with its file, line and column; what a victim service provider holds stays out."""

from __future__ import annotations

import zipfile
from typing import Any

import pytest
from books import accounts, assert_helpful, only_held, store_bytes
from exports import Files, client, enrollment, export, files_of, rows, unpacked, zipped
from sites import TestSite

from casebridge.core.errors import Held
from casebridge.engine import held as holding
from casebridge.store import payloads, records

NAMES = ("Moreno", "Haddad", "Verborgen", "899611001", "899611002", "899611009", "1987-02-20")


def people(site: TestSite) -> list[str]:
    """Family names the HMIS asserts."""
    with site.bridge.site.store.read() as c:
        found = [records.find(c, "hmis", "person", id_) for id_ in ("C1", "C2", "C3", "C9")]
    return [r.document["names"][0]["family"] for r in found if r is not None]


def replaced(file: str, old: bytes, new: bytes) -> Any:
    def text(files: Files) -> None:
        assert old in files[file]
        files[file] = files[file].replace(old, new, 1)

    return text


def respelled(files: Files, file: str, old: bytes, new: bytes) -> Files:
    replaced(file, old, new)(files)
    return files


def column_gone(files: Files) -> None:
    """Client.csv without its column VeteranStatus."""
    lines = [line.split(b",") for line in files["Client.csv"].split(b"\r\n") if line]
    at = lines[0].index(b"VeteranStatus")
    files["Client.csv"] = b"".join(b",".join(cells[:at] + cells[at + 1 :]) + b"\r\n" for cells in lines)


ONE_ROW = [
    # what is wrong, the rows changed, the text changed, code, what the reason names
    ("a column is missing", None, column_gone, "CB-332", ("Client.csv, row 1", "VeteranStatus")),
    ("a key is written twice", lambda r: r["Client"].append(client("C1", "Impostor", "899611003")), None,
     "CB-330", ("Client.csv, row 5", "PersonalID")),
    ("an enrollment of nobody", lambda r: r["Enrollment"].append(enrollment("E7", "C777")), None,
     "CB-331", ("Enrollment.csv, row 5", "PersonalID")),
    ("an enrollment in no project", lambda r: r["Enrollment"].append(enrollment("E7", "C1", "P777")), None,
     "CB-336", ("Enrollment.csv: 1",)),
    ("a row without its key", lambda r: r["Enrollment"].append(enrollment("", "C1")), None,
     "CB-302", ("Enrollment.csv, row 5", "EnrollmentID")),
    ("a row cut off in the middle", None, lambda f: f.update({"Client.csv": f["Client.csv"] + b"C3,Ada,Mor"}),
     "CB-301", ("Client.csv, row 5",)),
]  # fmt: skip


@pytest.mark.parametrize(("about", "change", "text", "code", "says"), ONE_ROW, ids=[o[0] for o in ONE_ROW])
def test_what_is_wrong_with_a_row_is_held_with_file_line_and_column_and_the_others_go_on(
    site: TestSite, about: str, change: Any, text: Any, code: str, says: tuple[str, ...]
) -> None:
    site.drop("hmis", "export.zip", export(change or (lambda r: None), text or (lambda f: None)))
    assert_helpful(only_held(site), code, "partner", *says, hides=(*NAMES, "Impostor", "899611003"))
    assert people(site) == ["Moreno", "Haddad"]
    found = accounts(site, "hmis")
    assert found["held"] == 1
    assert found["in"] == found["held"] + found["done"] + found.get("skipped", 0)


def test_a_header_in_the_wrong_case_is_read_as_meant(site: TestSite) -> None:
    site.drop("hmis", "export.zip", export(text=replaced("Client.csv", b"PersonalID,First", b"PERSONALID,first")))
    assert site.held() == []
    assert people(site) == ["Moreno", "Haddad"]


WHOLE_FILE = [
    ("half of a zip", lambda f: zipped(f)[:2000], "CB-303", ()),
    ("no zip at all", lambda f: b"Client,Enrollment", "CB-303", ()),
    ("a file is missing", lambda f: zipped({n: d for n, d in f.items() if n != "Client.csv"}), "CB-333",
     ("Client.csv",)),
    ("a key column is missing", lambda f: zipped(respelled(f, "Client.csv", b"PersonalID", b"Pers")), "CB-332",
     ("Client.csv, row 1", "PersonalID")),
    ("hashed names", lambda f: zipped(respelled(f, "Export.csv", b",2,1", b",2,2")), "CB-335",
     ("Export.csv", "HashStatus")),
]  # fmt: skip


@pytest.mark.parametrize(("about", "spoil", "code", "says"), WHOLE_FILE, ids=[w[0] for w in WHOLE_FILE])
def test_an_export_that_cannot_be_trusted_is_held_whole_and_the_next_one_is_read(
    site: TestSite, about: str, spoil: Any, code: str, says: tuple[str, ...]
) -> None:
    site.drop("hmis", "export.zip", spoil(files_of(rows())))
    assert_helpful(only_held(site), code, "partner", *says, hides=NAMES)
    assert (people(site), accounts(site, "hmis")["in"]) == ([], 0)
    again = {name: data.replace(b"EX-1", b"EX-2") for name, data in files_of(rows()).items()}
    site.drop("hmis", "export.zip", zipped(again))
    assert people(site) == ["Moreno", "Haddad"]
    assert len(site.held()) == 1


def test_an_export_that_could_not_be_read_does_not_stand_in_the_way_of_the_whole_one(site: TestSite) -> None:
    without = {name: data for name, data in files_of(rows()).items() if name != "Client.csv"}
    site.drop("hmis", "export.zip", zipped(without))
    site.drop("hmis", "export.zip", export())
    assert people(site) == ["Moreno", "Haddad"]
    held = only_held(site)
    with pytest.raises(Held) as refused:
        holding.replay(site.bridge.site, held.id)
    assert "nothing of this payload was stored" in refused.value.message
    holding.drop(site.bridge.site, held.id, "came again whole", "test")
    assert site.held() == []


def test_the_same_export_id_with_other_content_waits_for_a_person_and_can_be_taken_after_all(site: TestSite) -> None:
    site.drop("hmis", "export.zip", export(lambda r: r["Client"].pop(1)))
    site.drop("hmis", "export.zip", export())
    second = site.held()[-1]
    assert_helpful(second, "CB-501", "partner", "same key", hides=NAMES)
    holding.replay(site.bridge.site, second.id)
    site.work()
    assert people(site) == ["Moreno", "Haddad"]


def test_a_folder_of_files_is_read_like_a_zip(site: TestSite) -> None:
    unpacked(files_of(rows()), site.folder / "hmis" / "in" / "monday")
    site.work()
    assert (site.held(), people(site)) == ([], ["Moreno", "Haddad"])


def test_a_folder_with_half_a_file_holds_the_row_that_is_cut_and_whom_it_would_have_placed(site: TestSite) -> None:
    found = {name: [r for r in lines if "9" not in r[f"{name}ID"]] if name in ("Organization", "Project") else lines
             for name, lines in rows().items()}  # fmt: skip
    found |= {"Client": found["Client"][:2], "Enrollment": found["Enrollment"][:2]}
    files = files_of(found)
    unpacked({**files, "Enrollment.csv": files["Enrollment.csv"][:-20]}, site.folder / "hmis" / "in" / "monday")
    site.work()
    cut, doubt = sorted(site.held(), key=lambda m: m.code)
    assert_helpful(cut, "CB-301", "partner", "Enrollment.csv, row 3", "values", hides=NAMES)
    assert_helpful(doubt, "CB-336", "partner", "Client.csv: 1", hides=NAMES)
    assert people(site) == ["Moreno"]


def test_nothing_of_a_victim_service_providers_client_gets_past_the_wall(site: TestSite) -> None:
    site.drop("hmis", "export.zip", export())
    assert (site.held(), people(site)) == ([], ["Moreno", "Haddad"])
    site.bridge.close()
    left = store_bytes(site.folder)
    assert b"Moreno" in left, "the look into the file would find a name"
    for name in (b"Verborgen", b"899611009", b"ENROLLED-9"):
        assert name not in left


def test_what_a_victim_service_provider_holds_is_not_even_kept_as_it_came(site: TestSite) -> None:
    site.drop("hmis", "export.zip", export())
    (message,) = site.messages(kind="payload", partner="hmis")
    with zipfile.ZipFile(payloads.open_payload(site.bridge.site.store, message.payload or "")) as kept:
        text = {name: kept.read(name).decode() for name in kept.namelist()}
    assert "Moreno" in text["Client.csv"]
    for name in ("Verborgen", "899611009", "ENROLLED-9"):
        assert name not in "".join(text.values())


def test_nothing_gets_past_the_wall_because_its_organization_cannot_be_read(site: TestSite) -> None:
    """A comma in its name, and nobody can tell any more what it is; a vendor's file repeats whom it has."""
    site.drop("hmis", "export.zip", export(text=lambda f: f.update({
        "Organization.csv": f["Organization.csv"].replace(b"O9,Safe,", b"O9,Safe, Inc.,"),
        "Verborgen.bak": f["Client.csv"],
    })))  # fmt: skip
    assert {h.code for h in site.held()} == {"CB-301", "CB-331", "CB-336"}
    assert people(site) == ["Moreno", "Haddad"]
    site.bridge.close()
    left = store_bytes(site.folder)
    for name in (b"Verborgen", b"899611009", b"ENROLLED-9"):
        assert name not in left


def test_what_is_wrong_in_a_victim_service_providers_row_is_not_told(site: TestSite) -> None:
    """Even the reason of a held row would say that the person is there."""
    site.drop("hmis", "export.zip", export(lambda r: r["Enrollment"].append(enrollment("E10", "C777", "P9"))))
    assert site.held() == []
