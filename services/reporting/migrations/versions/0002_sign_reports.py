"""closed reports are signed, with their files"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = ("unit", "form", "period")


def upgrade() -> None:
    op.add_column("report", sa.Column("closed_as", sa.String(), nullable=False), schema="reporting")
    op.add_column("report", sa.Column("supersedes", sa.Integer(), nullable=True), schema="reporting")
    op.add_column("report", sa.Column("document", sa.LargeBinary(), nullable=False), schema="reporting")
    op.create_table(
        "report_file",
        *(sa.Column(name, sa.String(), nullable=False) for name in KEY),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("name", "media_type", "sha256")),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, "version", "name", name=op.f("pk_report_file")),
        schema="reporting",
    )
    op.create_table(
        "report_key",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("public_pem", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_report_key")),
        schema="reporting",
    )


def downgrade() -> None:
    op.drop_table("report_key", schema="reporting")
    op.drop_table("report_file", schema="reporting")
    for name in ("document", "supersedes", "closed_as"):
        op.drop_column("report", name, schema="reporting")
