"""apologies"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT, JSONB = postgresql.TIMESTAMP(timezone=True), postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "apology_action",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("statement_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("action", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apology_action")),
        schema="dossier",
    )
    op.create_index("ix_apology_action_unit_code", "apology_action", ["unit", "code"], schema="dossier")
    op.create_index(
        "uq_apology_action_step",
        "apology_action",
        ["unit", "code", "due_at", "step"],
        unique=True,
        schema="dossier",
        postgresql_where=sa.text("step <> 'drafted'"),
    )
    op.create_index(
        "ix_apology_action_issued",
        "apology_action",
        ["id"],
        schema="dossier",
        postgresql_where=sa.text("step = 'issued'"),
    )
    op.create_table(
        "apology",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("agency", sa.String(), nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("new_due_at", INSTANT, nullable=True),
        sa.Column("reached", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("unit", "code", "due_at", name=op.f("pk_apology")),
        schema="dossier",
    )
    op.create_index("ix_apology_unit_due_at_code", "apology", ["unit", "due_at", "code"], schema="dossier")
    op.create_index(
        "ix_apology_open",
        "apology",
        ["unit", "standing"],
        schema="dossier",
        postgresql_where=sa.text("standing NOT IN ('published', 'withdrawn')"),
    )


def downgrade() -> None:
    op.drop_table("apology", schema="dossier")
    op.drop_table("apology_action", schema="dossier")
