"""dossiers with findings, by code"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_dossier_with_findings",
        "dossier",
        ["unit", "code"],
        schema="dossier",
        postgresql_where=sa.text("snapshot ? 'findings'"),
    )


def downgrade() -> None:
    op.drop_index("ix_dossier_with_findings", table_name="dossier", schema="dossier")
