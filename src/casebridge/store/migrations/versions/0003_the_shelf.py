"""What partners may read at a door of ours; what may be used a single time"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ULID, MOMENT, NAME = sa.String(26), sa.String(32), sa.String(120)


def upgrade() -> None:
    """Add tables."""
    current = sa.text("current")
    op.create_table(
        "resource", sa.Column("partner", NAME, nullable=False), sa.Column("type", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False), sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False), sa.Column("at", MOMENT, nullable=False),
        sa.Column("message", ULID), sa.Column("document", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("partner", "type", "id", "version", name="pk_resource"))
    op.create_index("ix_resource_shelf", "resource", ["partner", "type", "at", "id"],
                    sqlite_where=current, postgresql_where=current)
    op.create_table(
        "resource_key", sa.Column("partner", NAME, nullable=False), sa.Column("type", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False), sa.Column("value", sa.Text(), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("partner", "type", "name", "value", "id", name="pk_resource_key"))
    op.create_index("ix_resource_key_id", "resource_key", ["partner", "type", "id"])
    op.create_table(
        "used_once", sa.Column("name", sa.String(200), nullable=False), sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_used_once"))
