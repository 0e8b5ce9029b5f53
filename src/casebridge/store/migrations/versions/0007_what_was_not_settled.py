"""What a link offers again because its sender could not be told"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; what is there keeps it empty, for its senders were told."""
    op.add_column("payload", sa.Column("token", sa.String(64)))
    has_one = sa.text("token IS NOT NULL")
    op.create_index(
        "ix_payload_token", "payload", ["partner", "token"], sqlite_where=has_one, postgresql_where=has_one)
