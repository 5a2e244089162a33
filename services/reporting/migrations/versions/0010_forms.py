"""forms as data: what a report counted may be petitions; published points of the index"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

REPORT = ("unit", "form", "period", "version")


def upgrade() -> None:
    for table in ("report_dossier", "late_fact"):
        op.add_column(
            table, sa.Column("kind", sa.String(), nullable=False, server_default="dossier"), schema="reporting"
        )
        op.alter_column(table, "kind", server_default=None, schema="reporting")
        op.drop_constraint(op.f(f"pk_{table}"), table, schema="reporting")
    op.create_primary_key(op.f("pk_report_dossier"), "report_dossier", [*REPORT, "kind", "code"], schema="reporting")
    op.create_primary_key(op.f("pk_late_fact"), "late_fact", ["unit", "kind", "code", "revision"], schema="reporting")
    op.create_table(
        "published_score",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("unit", "form")),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("begin", "end")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("row", "score", "source")),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_score")),
        schema="reporting",
    )
    op.create_index("ix_published_score_unit", "published_score", ["unit", "form", "begin", "end"], schema="reporting")


def downgrade() -> None:
    op.drop_table("published_score", schema="reporting")
    for table, key in (("report_dossier", [*REPORT, "code"]), ("late_fact", ["unit", "code", "revision"])):
        op.execute(f"DELETE FROM reporting.{table} WHERE kind <> 'dossier'")
        op.drop_constraint(op.f(f"pk_{table}"), table, schema="reporting")
        op.drop_column(table, "kind", schema="reporting")
        op.create_primary_key(op.f(f"pk_{table}"), table, key, schema="reporting")
