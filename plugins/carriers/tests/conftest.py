"""Shared by the carriers' tests: releases made for tests, a mail catcher, a server for the door."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
import uvicorn
from aiosmtpd.controller import Controller
from fastapi import FastAPI

from casebridge import Context, Dispatch, OutFile, Released
from casebridge.testing import a_release


@pytest.fixture
def context(tmp_path) -> Context:
    return Context(partner="food-bank", base_dir=str(tmp_path), timezone="America/New_York")


@pytest.fixture
def release() -> Callable[..., Released]:
    """``release(document)``: as if the release had permitted it all."""

    def issue(document: dict[str, Any], **more: Any) -> Released:
        return a_release(document, recipient="food-bank", **more)

    return issue


@pytest.fixture
def dispatch() -> Callable[..., Dispatch]:
    """``dispatch(file, ...)`` with the id 01JDISPATCH."""

    def make(*files: OutFile, releases: tuple[Released, ...] = (), **more: Any) -> Dispatch:
        numbered = tuple(replace(file, records=file.records or (n,)) for n, file in enumerate(files))
        return Dispatch("01JDISPATCH", "food-bank", numbered, releases or tuple(a_release({}) for _ in files), **more)

    return make


class Catcher:
    """What a mail server received; ``answer`` is what it says to the next message."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.messages.append(BytesParser(policy=default).parsebytes(envelope.content))  # type: ignore[arg-type]
        return self.answer


@pytest.fixture
def mail_server() -> Iterator[Callable[..., tuple[Catcher, int]]]:
    """Starts aiosmtpd on a free port of 127.0.0.1; gives the catcher and the port."""
    started: list[Controller] = []

    def start(**options: Any) -> tuple[Catcher, int]:
        catcher = Catcher()
        controller = Controller(catcher, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        started.append(controller)
        return catcher, controller.port

    yield start
    for controller in started:
        controller.stop()


@pytest.fixture(name="free_port")
def give_free_port() -> Callable[[], int]:
    return free_port


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
def serve() -> Iterator[Callable[[FastAPI], str]]:
    """Runs an application on a real uvicorn at 127.0.0.1; gives its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(app: FastAPI) -> str:
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()
