"""petitions' facts"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TYPES = {
    sa.Text: {"unit", "code", "field", "status", "outcome", "petition_class", "reason_code", "agency", "channel"},
    sa.Boolean: {"complex", "satisfied"},
    sa.Integer: {"reopenings", "late_rounds"},
}
NAMES = (
    "unit", "code", "valid_from", "valid_to", "field", "received_on", "transfer_due_on", "checked_on", "due_on",
    "settled_on", "transferred_on", "published_on", "rated_on", "status", "outcome", "petition_class", "reason_code",
    "agency", "channel", "complex", "satisfied", "reopenings", "late_rounds",
)  # fmt: skip
ALWAYS = {"unit", "code", "valid_from", "valid_to", "field", "received_on", "status", "reopenings", "late_rounds"}


def upgrade() -> None:
    op.create_table(
        "petition_fact",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "code", name=op.f("pk_petition_fact")),
        schema="inspection",
    )
    op.create_table(
        "petition_span",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        *(sa.Column(name, _type(name), nullable=name not in ALWAYS) for name in NAMES),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_petition_span")),
        schema="inspection",
    )
    op.create_index("ix_petition_span_unit_code", "petition_span", ["unit", "code"], schema="inspection")
    op.create_index(
        "ix_petition_span_unit_received", "petition_span", ["unit", "received_on", "valid_to"], schema="inspection"
    )
    op.create_index(
        "ix_petition_span_unit_open",
        "petition_span",
        ["unit", "valid_to"],
        schema="inspection",
        postgresql_where=sa.text("settled_on IS NULL"),
    )


def _type(name: str) -> sa.types.TypeEngine[Any]:
    return next((type_() for type_, names in TYPES.items() if name in names), sa.Date())


def downgrade() -> None:
    op.drop_table("petition_span", schema="inspection")
    op.drop_table("petition_fact", schema="inspection")
