"""petitions"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT, JSONB = postgresql.TIMESTAMP(timezone=True), postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "petition",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("source", sa.String(), server_default=sa.text("''"), nullable=False),
        *(
            sa.Column(name, INSTANT, nullable=True)
            for name in ("transfer_due_at", "answer_due_at", "transfer_said_for", "answer_said_for")
        ),
        sa.Column("correlation", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("snapshot", JSONB, nullable=True),
        sa.PrimaryKeyConstraint("unit", "code", name=op.f("pk_petition")),
        schema="dossier",
    )
    op.create_index(
        "ix_petition_running",
        "petition",
        ["source"],
        schema="dossier",
        postgresql_where=sa.text("transfer_due_at IS NOT NULL OR answer_due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("petition", schema="dossier")
