"""Words of a query that are conditions, and the log of searches."""

from vitrina.db.schema import run_sql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UPGRADE = """
-- Words of a query that say what to leave out or what to pay: see vitrina.read_query. phrase: in
-- lower case, without accents. kind: what it is. value: more of it. built_in: it came with vitrina;
-- the others are a shop's own. used: false switches a phrase off, also over upgrades.
create table vitrina.condition_words (
    phrase   text collate "C" not null,
    kind     text collate "C" not null,
    language text not null default '',
    value    text not null default '',
    built_in boolean not null default false,
    used     boolean not null default true,
    primary key (phrase, kind, language)
);

-- A query as it was typed: its parts, what is looked up of each (null for "…" and -word), whether a
-- comma follows, and which phrases of condition_words begin there: {place: {kind: [words, value]}}.
create type vitrina_internal.typed_query as (
    said   text[],
    plain  text[],
    ends   boolean[],
    marks  jsonb
);

-- price_path: the price range that a query says. excluded: what it excludes, by keywords, or words
-- of titles; untagged: the same for a product without keywords; kept: titles that say themselves
-- that the product has no such thing.
alter type vitrina_internal.filters
    add attribute price_path jsonpath,
    add attribute excluded   tsquery[],
    add attribute untagged   tsquery[],
    add attribute kept       text[];

-- What was searched for, a row for each day and wording: no user, no address, no time of day.
create table vitrina.searches (
    day       date not null,
    asked     text not null,
    query     text not null,
    corrected text not null default '',
    results   int not null,
    searches  bigint not null default 1,
    primary key (day, query)
);
alter table vitrina.search_policy
    add column log_searches  boolean not null default false,
    add column keep_searches int not null default 90 check (keep_searches between 1 and 3650);
"""

DOWNGRADE = """
alter table vitrina.search_policy drop column keep_searches, drop column log_searches;
drop table vitrina.searches;
alter type vitrina_internal.filters
    drop attribute kept, drop attribute untagged, drop attribute excluded,
    drop attribute price_path;
drop type vitrina_internal.typed_query;
drop table vitrina.condition_words;
delete from vitrina.installed where name = 'condition_words';
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
