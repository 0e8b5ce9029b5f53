"""Referrals that CaseBridge makes of another one: parts, offers and further tries"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; what is there keeps them empty, for a source made it."""
    op.add_column("referral", sa.Column("sort", sa.String(8)))
    op.add_column("referral", sa.Column("request", sa.Text()))
    has_one = sa.text("parent IS NOT NULL")
    op.create_index("ix_referral_parent", "referral", ["parent"], sqlite_where=has_one, postgresql_where=has_one)
