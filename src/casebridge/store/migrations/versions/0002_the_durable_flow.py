"""Lanes, circuits, timers, seals, legal holds; indexes over what is unfinished only"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ULID, MOMENT, NAME = sa.String(26), sa.String(32), sa.String(120)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _only(where: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}


def upgrade() -> None:
    """Add columns and tables; the rows that are there keep what they say."""
    op.add_column("payload", sa.Column("erased_at", MOMENT))
    for table in ("message", "dispatch"):
        op.add_column(table, sa.Column("part", sa.Integer(), nullable=False, server_default=sa.text("0")))
        op.add_column(table, sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("dispatch", sa.Column("sends", sa.Integer(), nullable=False, server_default=sa.text("0")))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("message", "seq", type_=sa.BigInteger())
        op.alter_column("event", "seq", type_=sa.BigInteger())
        op.alter_column("payload", "size", type_=sa.BigInteger())
    with op.batch_alter_table("referral") as referral:
        for name in ("domain", "category", "detail"):
            referral.alter_column(name, existing_type=NAME, type_=sa.Text())
    _indexes()
    _tables()


def _indexes() -> None:
    for name in ("ix_message_work", "ix_message_order"):
        op.drop_index(name, "message")
    op.drop_index("ix_dispatch_work", "dispatch")
    waiting, unfinished = _only("state = 'waiting'"), _only("state IN ('waiting', 'held')")
    op.create_index("ix_message_work", "message", ["stop", "partner", "urgent", "part", "due_at"], **waiting)
    op.create_index("ix_message_line", "message", ["stop", "partner", "urgent", "part", "seq"], **waiting)
    op.create_index("ix_message_order", "message", ["direction", "partner", "order_key", "seq"], **unfinished)
    op.create_index("ix_message_held", "message", ["partner", "seq"], **_only("state = 'held'"))
    op.create_index("ix_message_payload", "message", ["payload"])
    for name in ("correlation", "dispatch"):
        op.drop_index(f"ix_message_{name}", "message")
        op.create_index(f"ix_message_{name}", "message", [name], **_only(f"{name} IS NOT NULL"))
    on_its_way = _only("state IN ('claimed', 'inflight')")
    op.create_index("ix_dispatch_work", "dispatch", ["partner", "urgent", "part", "due_at"], **on_its_way)


def _tables() -> None:
    op.create_table(
        "lane", sa.Column("name", sa.String(200), nullable=False), sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(64)), sa.Column("until", MOMENT), sa.PrimaryKeyConstraint("name", name="pk_lane"))
    op.create_table(
        "circuit", sa.Column("partner", NAME, nullable=False), sa.Column("state", sa.String(10), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False), sa.Column("until", MOMENT),
        sa.Column("code", sa.String(8)),
        sa.Column("window", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("changed_at", MOMENT, nullable=False), sa.PrimaryKeyConstraint("partner", name="pk_circuit"))
    op.create_table(
        "timer", sa.Column("kind", sa.String(40), nullable=False), sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False), sa.Column("fired_at", MOMENT),
        sa.Column("facts", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("kind", "subject", name="pk_timer"))
    op.create_index("ix_timer_due", "timer", ["due_at"], **_only("fired_at IS NULL"))
    op.create_table(
        "seal", sa.Column("number", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("first", SEQUENCE, nullable=False), sa.Column("last", SEQUENCE, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False), sa.Column("at", MOMENT, nullable=False),
        sa.Column("key", sa.String(16), nullable=False), sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("tags", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("number", name="pk_seal"))
    op.create_table(
        "legal_hold", sa.Column("id", ULID, nullable=False), sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("subject", NAME, nullable=False), sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", NAME, nullable=False), sa.Column("since", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT), sa.PrimaryKeyConstraint("id", name="pk_legal_hold"))
    op.create_table(
        "fact", sa.Column("name", sa.String(200), nullable=False), sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_fact"))
