"""stated: each revision with the statements that it added; of those heard before nobody kept them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("known_revision", sa.Column("stated", JSONB(), nullable=True), schema="reporting")


def downgrade() -> None:
    op.drop_column("known_revision", "stated", schema="reporting")
