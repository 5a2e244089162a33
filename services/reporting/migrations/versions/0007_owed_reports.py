"""owed reports: who owes which report to whom, due when, and how far it is"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXTS = ("field", "agency", "owed_by_kind", "owed_to", "owed_to_kind", "form", "period", "kind", "request", "state")
MOMENTS = ("due_said_at", "late_said_at", "received_at", "checked_at", "compiled_at", "sent_at", "acknowledged_at")


def upgrade() -> None:
    op.create_table(
        "owed_report",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("received_by", "checked_by")),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("begin", "end")),
        *(sa.Column(name, sa.Date(), nullable=True) for name in ("due_on", "remind_on", "handed_in_on")),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("assumed", "watched", "late")),
        sa.Column("warnings", ARRAY(sa.Text()), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("opened_at", TIMESTAMP(timezone=True), nullable=False),
        *(sa.Column(name, TIMESTAMP(timezone=True), nullable=True) for name in MOMENTS),
        *(sa.Column(name, JSONB(), nullable=True) for name in ("document", "figures", "checked")),
        sa.PrimaryKeyConstraint("unit", "code", name=op.f("pk_owed_report")),
        schema="reporting",
    )
    op.create_index(
        "ix_owed_report_unmet",
        "owed_report",
        ["due_on"],
        schema="reporting",
        postgresql_where=sa.text("handed_in_on IS NULL AND watched AND NOT late"),
    )


def downgrade() -> None:
    op.drop_table("owed_report", schema="reporting")
