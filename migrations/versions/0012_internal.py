"""Helpers move to the schema vitrina_internal, with the types of what a search passes on."""

from vitrina.db.schema import run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UPGRADE = """
-- queries of attached sources call one of the helpers
update vitrina.attachments as a set
    query = replace(a.query, 'vitrina._media(', 'vitrina_internal.media_address(')
where strpos(a.query, 'vitrina._media(') > 0;

-- What a search is narrowed to: see vitrina_internal.filters_of. wanted and unwanted are ids of
-- keywords, operators the parts of the query that must hold, in the syntax of websearch_to_tsquery.
create type vitrina_internal.filters as (
    filter     jsonb,
    where_path jsonpath,
    wanted     bigint[],
    unwanted   bigint[],
    source_ids int[],
    operators  text
);

-- What full text makes of a query: see vitrina_internal.read_query.
create type vitrina_internal.reading as (
    keywords text[],
    weights  real[],
    rank     text,
    parts    tsquery[],
    whole    tsquery,
    most     tsquery,
    rare     tsquery,
    every    tsquery
);

-- What a search found, best first: parallel arrays, null where nothing is said. channels: by which
-- it was found, with commas between them.
create type vitrina_internal.hits as (
    ids          bigint[],
    scores       float8[],
    similarities float8[],
    ranks        real[],
    channels     text[]
);
"""

DOWNGRADE = """
drop type vitrina_internal.hits;
drop type vitrina_internal.reading;
drop type vitrina_internal.filters;

create type vitrina.query_filters as (
    filter jsonb, where_path jsonpath, wanted bigint[], unwanted bigint[], source_ids int[],
    operators text
);
create type vitrina.query_reading as (
    keywords text[], weights real[], rank text, parts tsquery[], whole tsquery, most tsquery,
    rare tsquery, every tsquery
);

update vitrina.attachments as a set
    query = replace(a.query, 'vitrina_internal.media_address(', 'vitrina._media(')
where strpos(a.query, 'vitrina_internal.media_address(') > 0;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
