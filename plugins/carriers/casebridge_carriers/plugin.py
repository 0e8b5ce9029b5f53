"""The hooks of the carriers adapter."""

from __future__ import annotations

from collections.abc import Callable

from casebridge import Door, Format, Link, Natives, hookimpl
from casebridge_carriers.folder import FolderLink
from casebridge_carriers.form_door import WebFormDoor
from casebridge_carriers.form_format import FormFormat
from casebridge_carriers.form_link import WebFormLink
from casebridge_carriers.mail import MailLink
from casebridge_carriers.natives import NATIVES
from casebridge_carriers.notice import NoticeFormat
from casebridge_carriers.sftp import SftpLink


@hookimpl
def register_formats(register: Callable[[type[Format]], None]) -> None:
    """``form`` and ``notice``."""
    register(FormFormat)
    register(NoticeFormat)


@hookimpl
def register_links(register: Callable[[type[Link]], None]) -> None:
    """``folder``, ``sftp``, ``mail`` and ``web-form``."""
    for link in (FolderLink, SftpLink, MailLink, WebFormLink):
        register(link)


@hookimpl
def register_doors(register: Callable[[type[Door]], None]) -> None:
    """``web-form``."""
    register(WebFormDoor)


@hookimpl
def register_natives(register: Callable[[Natives], None]) -> None:
    """``form/*`` and ``notice/*``."""
    for natives in NATIVES:
        register(natives)
