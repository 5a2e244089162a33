"""the department's own clock among the facts"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NAMES = ("internal_due_on", "internal_finished_on")


def upgrade() -> None:
    for name in NAMES:
        op.add_column("span", sa.Column(name, sa.Date(), nullable=True), schema="reporting")


def downgrade() -> None:
    for name in NAMES:
        op.drop_column("span", name, schema="reporting")
