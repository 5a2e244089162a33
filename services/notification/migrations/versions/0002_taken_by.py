"""Which of a role's places already have an alert, so that a retry tells only the others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "alert",
        sa.Column("taken_by", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
        schema="notification",
    )


def downgrade() -> None:
    op.drop_column("alert", "taken_by", schema="notification")
