"""Judgements of people: how well products answer queries."""

from vitrina.db.schema import run_sql

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None

UPGRADE = """
-- query: as judged_query has it. grade: 0 wrong, 1 related, 2 good, 3 perfect; files may use more.
create table vitrina.judgements (
    query      text not null,
    product_id bigint not null references vitrina.products on delete cascade,
    grade      real not null check (grade between 0 and 10),
    graded_at  timestamptz not null default now(),
    primary key (query, product_id)
);
create index judgements_product_idx on vitrina.judgements (product_id);
"""

DOWNGRADE = """
drop table vitrina.judgements;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
