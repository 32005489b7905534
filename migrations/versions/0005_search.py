"""How a query is read and narrowed, and what its words are looked up by."""

from vitrina.db.schema import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UPGRADE = """
-- What a search is narrowed to; wanted and unwanted are ids of keywords, operators the parts of the
-- query that must hold, in the syntax of websearch_to_tsquery.
create type vitrina.query_filters as (
    filter     jsonb,
    where_path jsonpath,
    wanted     bigint[],
    unwanted   bigint[],
    source_ids int[],
    operators  text
);

-- What full text makes of a query: see vitrina._read_query.
create type vitrina.query_reading as (
    keywords text[],
    weights  real[],
    rank     text,
    parts    tsquery[],
    whole    tsquery,
    most     tsquery,
    rare     tsquery,
    every    tsquery
);

-- "tshirt" is "t shirt"
create index keyword_aliases_joined_idx on vitrina.keyword_aliases (replace(alias, ' ', ''));

-- codes are found by the full text, whose rows the next upgrade of the functions fills again
drop index vitrina.products_external_id_idx;
truncate vitrina.product_text;
-- ranking reads every matching row: whole, as it stands, whatever its size
alter table vitrina.product_text set (toast_tuple_target = 8160);

-- their signatures have changed: the new ones would stand beside these
drop function if exists vitrina.search(
    text, int, int, jsonb, jsonpath, text[], text[], text[], text,
    @vector@.halfvec, @vector@.halfvec);
drop function if exists vitrina._check_search(
    int, int, text, @vector@.halfvec, @vector@.halfvec, vitrina.spaces, vitrina.spaces);
drop function if exists vitrina._filter_predicate(
    jsonb, jsonpath, bigint[], bigint[], int[], text);
drop function if exists vitrina._nearest_products(
    vitrina.spaces, @vector@.halfvec, int, bigint[], text, jsonb, jsonpath, bigint[], bigint[],
    int[], text);
drop function if exists vitrina._text_candidates(
    text[], bigint[], real[], int, bigint[], text, jsonb, jsonpath, bigint[], bigint[], int[],
    text);
drop function if exists vitrina._text_rank(tsvector, tsquery[], real[]);
drop function if exists vitrina._query_lexemes(text);
"""

DOWNGRADE = """
alter table vitrina.product_text reset (toast_tuple_target);
create index products_external_id_idx on vitrina.products (lower(external_id));
drop index vitrina.keyword_aliases_joined_idx;
drop type vitrina.query_reading;
drop type vitrina.query_filters;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
