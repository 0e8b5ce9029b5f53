"""Indexes as long as the questions: without them a partner's every record is looked through for one"""

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is asked for comes first, then the order it is wanted in; else SQLite may take a shorter index."""
    op.drop_index("ix_remote_theirs", "remote")
    op.create_index("ix_remote_theirs", "remote", ["partner", "kind", "their_id", "our_id"])
    op.create_index("ix_referral_subject", "referral", ["source", "subject", "id"])
    op.drop_index("ix_payload_partner_identity", "payload")
    op.create_index("ix_payload_partner_identity", "payload", ["partner", "identity", "id"])
    op.create_index("ix_payload_partner", "payload", ["partner", "id"])
    op.create_index("ix_timer_subject", "timer", ["subject", "kind"])
    op.drop_index("ix_resource_shelf", "resource")
    op.create_index(
        "ix_resource_shelf", "resource", ["partner", "type", "at", "id"],
        sqlite_where=text("current = 1"), postgresql_where=text("current"))  # as it is asked
