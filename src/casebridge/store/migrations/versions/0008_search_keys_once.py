"""On SQLite a search key lies in one tree less: the table is its own index"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NAME = sa.String(120)
COPY = "INSERT INTO resource_key SELECT partner, type, name, value, id FROM resource_key_before ORDER BY 1, 2, 3, 4, 5"


def upgrade() -> None:
    """Only SQLite keeps rows apart from their primary key."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.rename_table("resource_key", "resource_key_before")
    op.drop_index("ix_resource_key_id", "resource_key_before")
    op.create_table(
        "resource_key", sa.Column("partner", NAME, nullable=False), sa.Column("type", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False), sa.Column("value", sa.Text, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("partner", "type", "name", "value", "id", name="pk_resource_key"),
        sqlite_with_rowid=False)
    op.execute(COPY)
    op.drop_table("resource_key_before")
    op.create_index("ix_resource_key_id", "resource_key", ["partner", "type", "id"])
