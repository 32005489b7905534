"""What people decided of products that leave an attached source, for when they come back."""

from vitrina.db.schema import run_sql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

# Each jsonb column has the rows of the table of its name: an object of given_keywords, else arrays.
UPGRADE = """
create table vitrina.left_products (
    source_id        int not null references vitrina.sources on delete cascade,
    external_id      text not null,
    product_id       bigint not null unique,
    given_keywords   jsonb,
    rules            jsonb,
    judgements       jsonb,
    judgement_doubts jsonb,
    left_at          timestamptz not null default now(),
    primary key (source_id, external_id)
);
"""

DOWNGRADE = """
drop table vitrina.left_products;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
