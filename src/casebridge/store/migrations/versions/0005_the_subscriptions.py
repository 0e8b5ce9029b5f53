"""Partners that are told when something on their shelf changes"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT, NAME = sa.String(32), sa.String(120)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add tables."""
    op.create_table(
        "subscription", sa.Column("partner", NAME, nullable=False), sa.Column("id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(12), nullable=False), sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False), sa.Column("number", SEQUENCE, nullable=False),
        sa.Column("told", SEQUENCE, nullable=False), sa.Column("heartbeat", sa.Integer(), nullable=False),
        sa.Column("until", MOMENT, nullable=False), sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False), sa.Column("failing_since", MOMENT),
        sa.Column("code", sa.String(8)), sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("partner", "id", name="pk_subscription"))
    op.create_index("ix_subscription_due_at", "subscription", ["due_at"])
    op.create_table(
        "happened", sa.Column("seq", SEQUENCE, nullable=False, autoincrement=True),
        sa.Column("partner", NAME, nullable=False), sa.Column("subscription", sa.String(64), nullable=False),
        sa.Column("number", SEQUENCE), sa.Column("at", MOMENT, nullable=False),
        sa.Column("type", sa.String(64), nullable=False), sa.Column("id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_happened"))
    op.create_index("ix_happened_number", "happened", ["partner", "subscription", "number"])
