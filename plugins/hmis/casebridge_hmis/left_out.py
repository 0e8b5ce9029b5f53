"""How much screening left out of an export: a number of rows and of files. It rides in the comment of the zip.

Names of files are not kept: a file that is none of HMIS CSV may be called by a client's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

COMMENT = re.compile(rb"CaseBridge left out (\d{1,12}) rows and (\d{1,3}) files")  # APPNOTE 4.3.16: .ZIP file comment


@dataclass(slots=True)
class LeftOut:
    """Rows of victim service providers' clients, and files that are none of HMIS CSV."""

    rows: int = 0
    files: int = 0

    @classmethod
    def told_by(cls, comment: bytes) -> LeftOut:
        """What a zip says of itself; nothing when nothing was left out of it."""
        found = COMMENT.fullmatch(comment)
        return cls(int(found[1]), int(found[2])) if found else cls()

    @property
    def comment(self) -> bytes:
        """The same for the zip to say."""
        return b"CaseBridge left out %d rows and %d files" % (self.rows, self.files)
