"""PostgreSQL: how a site reaches its server, and what its sessions may not do."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import InvalidatePoolError

THERE_ALREADY = "23505"
"""What PostgreSQL says of a second row with the key of another (appendix A, unique_violation)."""
AFTER_AN_ERROR = "25P02"
"""What it says to every statement that follows one that failed, in the same transaction (in_failed_sql_transaction)."""
# Seconds (milliseconds in the last) until a server that is gone is noticed. What the url says comes first.
NOTICED = {
    "connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}  # fmt: skip
RESTED = 1.0
"""Seconds of rest after which a connection is asked whether it still is one; each time would cost a way there."""
# A worker that was stopped in the middle of a transaction would keep everybody else waiting for what it locked: its
# session ends long before that hurts. What is acknowledged is on disk, whatever the server's default is.
SESSION = """
SELECT set_config('idle_in_transaction_session_timeout', '60s', false), set_config('lock_timeout', '30s', false),
       CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
"""

# That ending does not reach a session in the middle of an answer that its worker does not read on (ClientWrite).
_UNREAD = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() AND state = 'active'
  AND wait_event = 'ClientWrite' AND state_change < clock_timestamp() - make_interval(secs => %(seconds)s)
"""
UNREAD = 60.0
"""Seconds after which a session is ended whose worker does not read its answer: it may hold locks."""


def end_unread(raw: Connection, seconds: float = UNREAD) -> int:
    """End our sessions whose answers nobody reads; how many."""
    return int(raw.exec_driver_sql(_UNREAD, {"seconds": seconds}).scalar() or 0)


def opened(url: str) -> Engine:
    """An engine for a PostgreSQL address; nothing is connected yet."""
    import psycopg  # an extra: SQLite works without it

    where = make_url(url).set(drivername="postgresql+psycopg")
    times = {name: value for name, value in NOTICED.items() if name not in where.query}
    engine = create_engine(where, hide_parameters=True, connect_args=times)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.execute(SESSION)
        connection.commit()

    @event.listens_for(engine, "checkin")
    def _rests(_: Any, record: Any) -> None:
        record.info["since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _still_there(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("since", 0) > RESTED:
            try:
                engine.dialect.do_ping(connection)
            except psycopg.Error as error:  # the others are as old; the pool opens new ones
                raise InvalidatePoolError from error

    return engine
