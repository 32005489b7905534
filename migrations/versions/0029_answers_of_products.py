"""Which answers products are made of; asking again; judgements that nobody can make."""

from vitrina.db.schema import run_sql

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None

UPGRADE = """
-- how often a person had models asked again: part of the key of what is asked
alter table vitrina.products add column asked int not null default 0;

-- used_at: of the latest enrichment that was made of the answer
create table vitrina.generation_uses (
    product_id    bigint not null references vitrina.products on delete cascade,
    generation_id bigint not null references vitrina.generations on delete cascade,
    used_at       timestamptz not null default now(),
    primary key (product_id, generation_id)
);
create index generation_uses_generation_idx on vitrina.generation_uses (generation_id);

-- query: as judged_query has it
create table vitrina.judgement_doubts (
    query      text not null,
    product_id bigint not null references vitrina.products on delete cascade,
    reason     text not null,
    doubted_at timestamptz not null default now(),
    primary key (query, product_id)
);
create index judgement_doubts_product_idx on vitrina.judgement_doubts (product_id);
"""

DOWNGRADE = """
drop table vitrina.judgement_doubts, vitrina.generation_uses;
alter table vitrina.products drop column asked;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
