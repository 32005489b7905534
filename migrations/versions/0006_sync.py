"""Attached tables."""

from vitrina.db.schema import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UPGRADE = """
-- A source that follows a table or a query of the shop's. query: what gives its products, every
-- name qualified, with the columns id_1 … id_n (of id_types), title, image, image_stamp, url,
-- attributes and watermark. triggers: the shop's tables have triggers that note changes; without
-- them, rows whose watermark is later than `seen` are looked at, and all rows every sweep_every.
create table vitrina.attachments (
    -- no cascade: who may delete a source may not leave its triggers behind
    source_id   int primary key references vitrina.sources,
    relation    text,
    query       text not null,
    id_types    text[] not null check (cardinality(id_types) > 0),
    triggers    boolean not null,
    watermark   text,
    sweep_every interval not null check (sweep_every > interval '0'),
    seen        timestamptz,
    synced_at   timestamptz,
    swept_at    timestamptz,
    problem     text,
    problem_at  timestamptz
);

-- The tables whose changes wake products of an attached source. key: columns that hold the
-- product's id; else `query` gives ids for the rows of `changed`. columns: those that matter, null
-- for all. is_product: a row is a product, and goes with it.
create table vitrina.wakes (
    source_id  int not null references vitrina.attachments on delete cascade,
    place      int not null,
    relation   text not null,
    key        text[],
    query      text,
    columns    text[],
    is_product boolean not null,
    primary key (source_id, place),
    check ((key is null) <> (query is null))
);

-- Ids of the shop's that may have changed, '' for any; one partition a source, and nothing that
-- makes one writer wait for another.
create table vitrina.changes (
    source_id   int not null,
    external_id text not null,
    noted_at    timestamptz not null default now()
) partition by list (source_id);

-- Rows of an attached source that are no product as they are.
create table vitrina.rejects (
    source_id   int not null references vitrina.sources on delete cascade,
    external_id text not null,
    reason      text not null,
    rejected_at timestamptz not null default now(),
    primary key (source_id, external_id)
);

-- a product that goes takes its vectors along
create index product_embeddings_product_id_idx on vitrina.product_embeddings (product_id);

-- reply: what the model answered, where that is why the job failed
alter table vitrina.jobs add column reply text;

-- its signature has changed: the new one would stand beside it
drop function if exists vitrina.fail_jobs(text, bigint[], text[], int);
"""

DOWNGRADE = """
do $partitions$
declare
    _part text;
begin
    for _part in
        select i.inhrelid::regclass::text
        from pg_inherits as i where i.inhparent = 'vitrina.changes'::regclass
    loop
        execute format('drop table %s', _part);
    end loop;
end
$partitions$;
alter table vitrina.jobs drop column reply;
drop index vitrina.product_embeddings_product_id_idx;
drop table vitrina.rejects;
drop table vitrina.changes;
drop table vitrina.wakes;
drop table vitrina.attachments;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
