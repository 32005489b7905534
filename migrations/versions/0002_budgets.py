"""Standing budgets."""

from vitrina.db.schema import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("""
-- What generations may cost in USD: this day, this month, or in total.
create table vitrina.budgets (
    period text primary key check (period in ('day', 'month', 'total')),
    usd    numeric(12, 4) not null check (usd >= 0)
);
""")


def downgrade() -> None:
    run_sql("drop table vitrina.budgets;\n")
