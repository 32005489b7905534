"""Jobs that only embed; the vocabulary's policy, distinctions and keys."""

from vitrina.db.schema import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JOBS = """
-- embed: only the text to embed has changed, so no picture is fetched and no model asked.
alter table vitrina.jobs add column stage text not null default 'enrich'
    check (stage in ('enrich', 'embed'));

-- their signatures have changed: the new ones would stand beside these
drop function if exists vitrina.queue_products(bigint[]);
drop function if exists vitrina.claim_jobs(text, int, interval, text[], boolean);
drop function if exists vitrina.claim_products(text, bigint[], bigint[], interval);
"""

VOCABULARY = """
-- keyword_id is null where a term was dropped by hand: it stands for no keyword.
-- key: of the alias, under which compounds, word orders and known synonyms meet. A keyword's form
-- is that of its name, with known words in their canonical spelling, and marks are the terms of
-- contrasts in it: vetoes compare them. Triggers set all, and what a term of the thesaurus becomes.
alter table vitrina.keywords add column form text, add column marks text[];
alter table vitrina.thesaurus add column key text, add column becomes text;
create index thesaurus_key_idx on vitrina.thesaurus (key);
alter table vitrina.contrasts add column key text;
create index contrasts_key_idx on vitrina.contrasts (key);
alter table vitrina.keyword_aliases
    alter column keyword_id drop not null,
    add column key text,
    drop constraint keyword_aliases_method_check;
update vitrina.keyword_aliases set method = 'embedding' where method = 'nearest';
alter table vitrina.keyword_aliases
    add constraint keyword_aliases_method_check check (method in
        ('new', 'form', 'thesaurus', 'embedding', 'judge', 'manual')),
    add constraint keyword_aliases_dropped_check
        check (keyword_id is not null or method = 'manual');
-- measured anew with the vetoes of today
update vitrina.spaces set threshold = 0.88
where provider = 'local' and modality = 'text' and threshold = 0.75::real;
create index keyword_aliases_key_idx on vitrina.keyword_aliases (key);
-- compounds: "book shelf", "bookshelf"
create index keyword_aliases_squashed_idx on vitrina.keyword_aliases (replace(alias, ' ', ''));

-- Pairs decided to be different things, in normal form: never one keyword, never asked again.
create table vitrina.keyword_distinctions (
    term_a     text not null,
    term_b     text not null,
    method     text not null check (method in ('manual', 'judge')),
    decided_at timestamptz not null default now(),
    primary key (term_a, term_b),
    check (term_a < term_b)
);
create index keyword_distinctions_term_b_idx on vitrina.keyword_distinctions (term_b);

-- One row. plain: the nearest keyword over the threshold, whatever the terms are.
create table vitrina.keyword_policy (
    one_row        boolean primary key default true check (one_row),
    mode           text not null default 'strict' check (mode in ('strict', 'plain')),
    merge_narrower boolean not null default false
);
insert into vitrina.keyword_policy default values;

-- A facet's own threshold in one space; where there is none, the space's.
create table vitrina.keyword_thresholds (
    space_id  int not null references vitrina.spaces on delete cascade,
    facet     text not null check (facet in
                  ('type', 'material', 'style', 'color', 'feature', 'size', 'other')),
    threshold real not null check (threshold between 0 and 1),
    primary key (space_id, facet)
);

-- The words that came with vitrina, as they were given: what a shop has changed or deleted since
-- is not given again. target: thesaurus or contrasts; value: the canonical term or the group.
create table vitrina.seeded_words (
    target text not null check (target in ('thesaurus', 'contrasts')),
    term   text not null,
    value  text not null,
    primary key (target, term, value)
);
"""

DOWNGRADE = """
drop table vitrina.seeded_words;
drop table vitrina.keyword_thresholds;
drop table vitrina.keyword_policy;
drop table vitrina.keyword_distinctions;
delete from vitrina.keyword_aliases where keyword_id is null;
alter table vitrina.keywords drop column form, drop column marks;
alter table vitrina.thesaurus drop column key, drop column becomes;
alter table vitrina.contrasts drop column key;
alter table vitrina.keyword_aliases
    drop constraint keyword_aliases_dropped_check,
    drop constraint keyword_aliases_method_check,
    drop column key,
    alter column keyword_id set not null;
drop index vitrina.keyword_aliases_squashed_idx;
update vitrina.keyword_aliases set method = 'nearest' where method = 'embedding';
update vitrina.keyword_aliases set method = 'manual' where method = 'form';
alter table vitrina.keyword_aliases add constraint keyword_aliases_method_check
    check (method in ('new', 'thesaurus', 'nearest', 'judge', 'manual'));
alter table vitrina.jobs drop column stage;
"""


def upgrade() -> None:
    run_sql(JOBS + VOCABULARY)


def downgrade() -> None:
    run_sql(DOWNGRADE)
