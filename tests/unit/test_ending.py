"""How a process is told to end."""

from __future__ import annotations

import signal
import threading

import pytest

from casebridge.ending import told_to_end


@pytest.mark.timeout(20)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_another_thread_was_shown_is_heard(number: int) -> None:
    """The system shows a signal of the process to whichever thread it likes; Python acts on it in the first alone."""
    waits = threading.Event()

    def shown() -> None:
        waits.wait(0.2)  # until the first thread sleeps
        signal.pthread_kill(threading.get_ident(), number)

    with told_to_end() as told:
        thread = threading.Thread(target=shown)
        thread.start()
        assert told.wait()
        thread.join()
