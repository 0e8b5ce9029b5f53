"""The partners' own hands: an agency at its page, the HMIS lead and the state at their folders."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from importlib.resources import files
from pathlib import Path

import httpx2
from lxml import html

from casebridge.demo.mailbox import Mailbox

_LINK = re.compile(r"https?://\S+/web-form/[\w-]+")


def form_link(mailbox: Mailbox, to: str) -> str:
    """The newest link in an agency's mail; "" when there is none."""
    links = [found for message in mailbox.messages(to) for found in _LINK.findall(message.get_content())]
    return links[-1] if links else ""


def form_page(mailbox: Mailbox, to: str) -> str:
    """What the agency sees at its link, as HTML; "" when it has no link."""
    link = form_link(mailbox, to)
    return httpx2.get(link, timeout=30).text if link else ""


def press(mailbox: Mailbox, to: str, answer: str, **fields: str) -> bool:
    """Press a button of the page as a browser without JavaScript does; False when the page does not offer it.

    What the agency saw when it decided is kept beside the mail.
    """
    link, seen = form_link(mailbox, to), form_page(mailbox, to)
    page = html.fromstring(seen or "<html/>")
    for form in page.iter("form"):
        hidden = [i for i in form.iter("input") if i.get("type") == "hidden"]
        values = {i.get("name") or "": i.get("value") or "" for i in hidden}
        if values.get("answer") == answer:
            (mailbox.folder / f"page-{to}-{answer}.html").write_text(seen, encoding="utf-8")
            reply = httpx2.post(link, data={**values, **fields}, timeout=30)
            return reply.status_code in (200, 303)
    return False


def seen_pages(mailbox: Mailbox, to: str) -> str:
    """Every page on which the agency decided."""
    return "".join(file.read_text(encoding="utf-8") for file in sorted(mailbox.folder.glob(f"page-{to}-*.html")))


def put_in(folder: Path, name: str, data: bytes) -> None:
    """Put a file into a partner's ``in`` folder once, whole: also after a restart it does not come twice."""
    if any((folder / sub / name).exists() for sub in ("in", "done", "held")):
        return
    (folder / "in" / f"{name}.tmp").write_bytes(data)
    (folder / "in" / f"{name}.tmp").rename(folder / "in" / name)


def hmis_export(export_id: str, events: list[dict[str, str]]) -> bytes:
    """The HMIS's whole export, with the events it knows of by now."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files("casebridge.demo").joinpath("data/hmis").iterdir(), key=lambda f: f.name):
            text = file.read_text(encoding="utf-8").replace("DEMO-1", export_id)
            if file.name == "Event.csv":
                text += _rows(text.splitlines()[0].split(","), events, export_id)
            archive.writestr(zipfile.ZipInfo(file.name, (2026, 11, 21, 6, 0, 0)), text)
    return target.getvalue()


def received_events(hmis: Path) -> list[dict[str, str]]:
    """The Event rows in the exports that reached the HMIS, each EventID once."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted((hmis / "out").glob("*.zip")):
        with zipfile.ZipFile(file) as archive:
            name = next(n for n in archive.namelist() if n.endswith("Event.csv"))
            for row in csv.DictReader(io.TextIOWrapper(archive.open(name), encoding="utf-8-sig")):
                found[row["EventID"]] = row
    return list(found.values())


def enter_result(hmis: Path) -> None:
    """The HMIS lead takes the client in and says so: ReferralResult 1 in the next export."""
    events = received_events(hmis)
    if events:
        taken = [{**e, "ReferralResult": "1", "ResultDate": e["EventDate"], "UserID": "hmis-lead"} for e in events]
        put_in(hmis, "hmis-2.zip", hmis_export("DEMO-2", taken))


def _rows(columns: list[str], rows: list[dict[str, str]], export_id: str) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerows([[{**row, "ExportID": export_id}.get(c, "") for c in columns] for row in rows])
    return target.getvalue()
