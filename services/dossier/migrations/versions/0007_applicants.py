"""names of applicants, sealed"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "applicant",
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("unit", "code", name=op.f("pk_applicant")),
        schema="dossier",
    )


def downgrade() -> None:
    op.drop_table("applicant", schema="dossier")
