"""history: every revision heard, and what was known otherwise than now"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_revision",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("recorded_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "code", "revision", name=op.f("pk_known_revision")),
        schema="reporting",
    )
    op.create_table(
        "known_span",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("known_from", "valid_from", "known_to", "valid_to")),
        sa.Column("state", JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("unit", "code", "known_from", "valid_from", name=op.f("pk_known_span")),
        schema="reporting",
    )
    op.create_index("ix_known_span_unit_known_to", "known_span", ["unit", "known_to"], schema="reporting")
    op.create_table(
        "known_since",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_partial", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_since")),
        schema="reporting",
    )
    # of the dossiers that are here already nobody knows what was known earlier: history begins today
    op.execute(
        """
        INSERT INTO reporting.known_since (id, day, is_partial)
        SELECT 1, CASE WHEN known THEN (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date ELSE DATE '9999-12-31' END, known
        FROM (SELECT EXISTS (SELECT FROM reporting.fact) AS known)
        """
    )


def downgrade() -> None:
    for table in ("known_since", "known_span", "known_revision"):
        op.drop_table(table, schema="reporting")
