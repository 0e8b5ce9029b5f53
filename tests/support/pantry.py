"""A pantry whose list of clients comes as a CSV file in a folder (layout ``agency-clients``)."""

from __future__ import annotations

COLUMNS = "Client ID,First Name,Last Name,Date of Birth,SSN,Phone,Address,City,State,ZIP,Program,Enrolled On,Left On"
HEADER = COLUMNS + "\n"


def pantry_table(**settings: int) -> str:
    """The partner ``pantry`` in ``casebridge.toml``; ``settings`` of its folder, which is read at once otherwise."""
    said = ", ".join(f"{name} = {value}" for name, value in {"quiet_seconds": 0, **settings}.items())
    return f"""
[partner.pantry]
role = "cbo"
carrier = "folder"
format = "flatfile"
maps = "flatfile"
settings = {{ folder = "pantry", {said} }}
format_settings = {{ layout = "agency-clients" }}
"""
