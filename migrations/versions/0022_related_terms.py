"""What is a kind of what, what is nearly the same, and the kinds each keyword is of."""

from vitrina.db.schema import run_sql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UPGRADE = """
-- weight: 1 where `related` is a kind of `term` (a sneaker is a shoe); below 1, how well either
-- stands in for the other; 0 where `related` is none, whatever its name says (a bean bag is none).
-- Triggers set the keys.
create table vitrina.related_terms (
    term        text not null,
    related     text not null,
    weight      real not null check (weight between 0 and 1),
    facet       text not null default 'type' check (facet in (
        'type', 'material', 'style', 'color', 'feature', 'size', 'audience', 'other')),
    key         text not null,
    related_key text not null,
    primary key (term, related)
);
create index related_terms_key_idx on vitrina.related_terms (key);
create index related_terms_related_key_idx on vitrina.related_terms (related_key);

-- kinds: the key of the keyword, then those of all that it is a kind of.
alter table vitrina.keywords add column kinds text[] not null default '{}';
create index keywords_kinds_idx on vitrina.keywords using gin (kinds) with (fastupdate = off);

alter table vitrina.seeded_words
    drop constraint seeded_words_target_check,
    add constraint seeded_words_target_check
        check (target in ('thesaurus', 'contrasts', 'related_terms'));
"""

DOWNGRADE = """
delete from vitrina.seeded_words where target = 'related_terms';
alter table vitrina.seeded_words
    drop constraint seeded_words_target_check,
    add constraint seeded_words_target_check check (target in ('thesaurus', 'contrasts'));
alter table vitrina.keywords drop column kinds;
drop table vitrina.related_terms;
-- so that they are loaded again on the way up
delete from vitrina.installed where name = 'retail_words';
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
