"""owed reports, as the reporting service tells them"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owed_report",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("unit", "code")),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("field", "agency")),
        *(sa.Column(name, sa.Date(), nullable=True) for name in ("due_on", "handed_in_on")),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "code", name=op.f("pk_owed_report")),
        schema="inspection",
    )


def downgrade() -> None:
    op.drop_table("owed_report", schema="inspection")
