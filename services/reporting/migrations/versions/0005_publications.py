"""publications: files in the bucket, the event, the acknowledgement"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = ("unit", "form", "period")
MOMENTS = ("stored_at", "published_at", "acknowledged_at", "acknowledgement_said_at", "overdue_said_at")


def upgrade() -> None:
    op.create_table(
        "publication",
        *(sa.Column(name, sa.String(), nullable=False) for name in KEY),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        *(sa.Column(name, TIMESTAMP(timezone=True), nullable=True) for name in MOMENTS),
        sa.Column("acknowledge_by", sa.Date(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint(*KEY, "version", name=op.f("pk_publication")),
        schema="reporting",
    )
    op.create_index(
        "ix_publication_waiting",
        "publication",
        ["version"],
        schema="reporting",
        postgresql_where=sa.text("stored_at IS NULL"),
    )
    # said before files were stored: the files follow, the event is not said again, and nobody is late with a silent rule
    op.execute(
        """
        INSERT INTO reporting.publication (unit, form, period, version, event, published_at)
        SELECT unit, form, period, version, CASE WHEN version = 1 THEN 'published' ELSE 'restated' END, closed_at
        FROM reporting.report
        """
    )


def downgrade() -> None:
    op.drop_table("publication", schema="reporting")
