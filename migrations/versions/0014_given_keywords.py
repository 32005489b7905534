"""Keywords of a product that a person set."""

from vitrina.db.schema import run_sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UPGRADE = """
-- Products whose keywords a person set: product_terms has those, and enrichments change only said,
-- what models said, for when the person takes them back.
create table vitrina.given_keywords (
    product_id bigint primary key references vitrina.products on delete cascade,
    terms      text[] not null,
    said       jsonb not null check (jsonb_typeof(said) = 'array')
);

-- they return another column, or take another argument, now
drop function if exists vitrina.audit_keywords(int, real);
drop function if exists vitrina.similar_products(bigint, int);
"""

DOWNGRADE = """
drop table vitrina.given_keywords;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
