"""facts that came after a closing, and the proposals they cause"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant, jsonb = postgresql.TIMESTAMP(timezone=True), postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "late_fact",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("judged", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "code", "revision", name=op.f("pk_late_fact")),
        schema="reporting",
    )
    op.create_index(
        "ix_late_fact_unjudged", "late_fact", ["unit"], schema="reporting", postgresql_where=sa.text("NOT judged")
    )
    op.create_table(
        "report_proposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("unit", "form", "period")),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("status", "digest")),
        *(sa.Column(name, jsonb, nullable=False) for name in ("cells", "causes")),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("decided_at", instant, nullable=True),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("decided_by", "decided_as", "reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_proposal")),
        schema="reporting",
    )
    op.create_index(
        "ix_report_proposal_open",
        "report_proposal",
        ["unit", "form", "period"],
        unique=True,
        schema="reporting",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "report_dossier",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("unit", "form", "period")),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("unit", "form", "period", "version", "code", name=op.f("pk_report_dossier")),
        schema="reporting",
    )


def downgrade() -> None:
    for name in ("report_dossier", "report_proposal", "late_fact"):
        op.drop_table(name, schema="reporting")
