"""the rollup summed by report month and year; its key begins with the day"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = ("unit", "size", "day", "effective_on", "field", "kind")


def upgrade() -> None:
    _key("unit", "day", "effective_on", "field", "kind")
    op.create_table(
        "rollup_sum",
        *(sa.Column(name, sa.Date() if name in ("day", "effective_on") else sa.Text(), nullable=False) for name in KEY),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_rollup_sum")),
        schema="reporting",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_rollup_sum_unit_size_effective_on", "rollup_sum", ["unit", "size", "effective_on"], schema="reporting"
    )
    for size, shift in (("month", -14), ("year", 17)):
        op.execute(
            f"""
            INSERT INTO reporting.rollup_sum (unit, size, day, effective_on, field, kind, n)
            SELECT unit, '{size}', date_trunc('{size}', (day + ({shift}))::timestamp)::date - ({shift}),
                   date_trunc('{size}', (effective_on + ({shift}))::timestamp)::date - ({shift}), field, kind, sum(n)
            FROM reporting.rollup GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0
            """
        )


def downgrade() -> None:
    op.drop_table("rollup_sum", schema="reporting")
    _key("unit", "field", "kind", "day", "effective_on")


def _key(*columns: str) -> None:
    op.drop_constraint("pk_rollup", "rollup", schema="reporting")
    op.create_primary_key("pk_rollup", "rollup", list(columns), schema="reporting")
