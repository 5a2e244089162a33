"""scorecard of sources"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "source_count",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", "what", "detail", name=op.f("pk_source_count")),
        schema="dossier",
    )
    op.create_table(
        "source_watch",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("told_until", sa.Date(), nullable=True),
        sa.Column("silent_since", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_source_watch")),
        schema="dossier",
    )
    # the journal grows in the order of recording: a BRIN index costs the hot path next to nothing
    op.create_index(
        "ix_journal_recorded_at", "journal", ["recorded_at"], schema="dossier", postgresql_using="brin",
        postgresql_with={"pages_per_range": "32"},
    )  # fmt: skip
    # whose units a source speaks of must be known for what was recorded before as well
    op.execute(
        """
        INSERT INTO dossier.source_count (source, day, what, detail, count)
        SELECT source, (recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, 'accepted', unit, count(*)
        FROM dossier.journal GROUP BY 1, 2, 4
        """
    )


def downgrade() -> None:
    op.drop_index("ix_journal_recorded_at", table_name="journal", schema="dossier")
    op.drop_table("source_watch", schema="dossier")
    op.drop_table("source_count", schema="dossier")
