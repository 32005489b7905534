"""What makes similarities of different models comparable, and how sure an answer must be."""

from vitrina.db.schema import run_sql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UPGRADE = """
-- How similar unrelated things are in a space: see vitrina.measure_background. products: how many
-- had a vector when it was measured; null before.
alter table vitrina.spaces
    add column background_mean      real,
    add column background_deviation real check (background_deviation > 0),
    add column background_products  bigint;

-- One row. min_relevance: below it a row is no answer; see vitrina.search.
create table vitrina.search_policy (
    one_row       boolean primary key default true check (one_row),
    min_relevance real not null default 0.5 check (min_relevance between 0 and 1)
);
insert into vitrina.search_policy default values;

-- domain: the trade of a term, like furniture or electronics; null where it is not known.
alter table vitrina.thesaurus add column domain text;

-- What a query asks for, unit by unit: see vitrina_internal.read_demand.
create type vitrina_internal.demand as (
    labels  text[],
    texts   tsquery[],
    lacks   text,
    head    text,
    covered text,
    kinds   bigint[],
    domain  text
);
alter type vitrina_internal.reading add attribute demand vitrina_internal.demand;

-- relevances: how surely each is an answer, 0 to 1; lacks: which units of the query it does not
-- have, as bits.
alter type vitrina_internal.hits
    add attribute relevances real[],
    add attribute lacks      int[];
"""

DOWNGRADE = """
alter type vitrina_internal.hits drop attribute lacks, drop attribute relevances;
alter type vitrina_internal.reading drop attribute demand;
drop type vitrina_internal.demand;
alter table vitrina.thesaurus drop column domain;
drop table vitrina.search_policy;
alter table vitrina.spaces
    drop column background_products, drop column background_deviation, drop column background_mean;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
