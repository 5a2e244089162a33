"""clocks of dossiers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT, JSONB = postgresql.TIMESTAMP(timezone=True), postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "dossier_clock",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("differs", sa.Boolean(), nullable=False),
        sa.Column("computed_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("clocks", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("unit", "code", name=op.f("pk_dossier_clock")),
        schema="dossier",
    )
    op.create_index(
        "ix_dossier_clock_open", "dossier_clock", ["book"], schema="dossier", postgresql_where=sa.text("is_open")
    )
    op.create_index(
        "ix_dossier_clock_differs",
        "dossier_clock",
        ["unit", "code"],
        schema="dossier",
        postgresql_where=sa.text("differs"),
    )
    op.create_table(
        "dossier_clock_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("computed_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("before", JSONB, nullable=False),
        sa.Column("after", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dossier_clock_change")),
        schema="dossier",
    )
    op.create_index("ix_dossier_clock_change_unit_code", "dossier_clock_change", ["unit", "code"], schema="dossier")
    op.create_table(
        "clock_book",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("first_used_at", INSTANT, nullable=False),
        sa.Column("content", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_clock_book")),
        schema="dossier",
    )


def downgrade() -> None:
    op.drop_table("clock_book", schema="dossier")
    op.drop_table("dossier_clock_change", schema="dossier")
    op.drop_table("dossier_clock", schema="dossier")
