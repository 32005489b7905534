"""Products, pictures, vocabulary, spaces, embeddings, generations and jobs."""

from vitrina.db.schema import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CATALOGUE = """
-- text_config is the name of a text-search configuration; text, because pg_upgrade refuses
-- columns of type regconfig.
create table vitrina.sources (
    id          int generated always as identity primary key,
    name        text not null unique check (name <> '' and length(name) <= 200),
    kind        text not null check (kind in ('file', 'table')),
    config      jsonb not null default '{}',
    text_config text not null default 'english'
);

create table vitrina.images (
    sha256    bytea primary key check (length(sha256) = 32),
    mime      text not null,
    width     int not null check (width > 0),
    height    int not null check (height > 0),
    bytes     int not null check (bytes > 0),
    thumbnail bytea not null,
    dhash     bit(64) not null
);

-- image_stamp: size and time of a picture on disk, so that a replaced file is seen.
-- image_error: why there is no picture; image_sha256 is null then.
-- input_hash: of what an enrichment reads (title, picture, texts among the attributes).
create table vitrina.products (
    id           bigint generated always as identity primary key,
    source_id    int not null references vitrina.sources,
    external_id  text not null check (external_id <> '' and length(external_id) <= 500),
    title        text not null check (title <> '' and length(title) <= 2000),
    image        text,
    image_stamp  text,
    image_sha256 bytea references vitrina.images,
    image_error  text,
    url          text,
    attributes   jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
    description  text,
    caption      text,
    keywords     text[] not null default '{}',
    input_hash   bytea not null,
    enriched_at  timestamptz,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    unique (source_id, external_id)
);
create index products_attributes_idx on vitrina.products using gin (attributes jsonb_path_ops);
create index products_external_id_idx on vitrina.products (lower(external_id));
create index products_image_sha256_idx on vitrina.products (image_sha256);
create index products_image_error_idx on vitrina.products (id) where image_error is not null;

-- Narrow on purpose: ranking reads every matching row, and here the tsvector stays inline.
create table vitrina.product_text (
    product_id bigint primary key references vitrina.products on delete cascade,
    tsv        tsvector not null
);
create index product_text_tsv_idx on vitrina.product_text using gin (tsv);
"""

VOCABULARY = """
create table vitrina.keywords (
    id         bigint generated always as identity primary key,
    name       text not null unique check (name <> '' and length(name) <= 200),
    facet      text not null default 'other' check (facet in
                   ('type', 'material', 'style', 'color', 'feature', 'size', 'other')),
    pinned     boolean not null default false,
    created_at timestamptz not null default now()
);

-- alias is in normal form (vitrina.normal_form); every keyword has itself as one.
create table vitrina.keyword_aliases (
    alias      text primary key,
    keyword_id bigint not null references vitrina.keywords on delete cascade,
    similarity real,
    method     text not null check (method in
                   ('new', 'thesaurus', 'nearest', 'judge', 'manual')),
    decided_at timestamptz not null default now()
);
create index keyword_aliases_keyword_id_idx on vitrina.keyword_aliases (keyword_id);

create table vitrina.product_keywords (
    product_id bigint not null references vitrina.products on delete cascade,
    keyword_id bigint not null references vitrina.keywords on delete cascade,
    said       text not null,
    primary key (product_id, keyword_id)
);
create index product_keywords_keyword_id_idx on vitrina.product_keywords (keyword_id, product_id);

create table vitrina.contrasts (
    term           text not null,
    contrast_group text not null,
    primary key (term, contrast_group)
);

create table vitrina.thesaurus (
    term      text primary key,
    canonical text not null,
    facet     text check (facet in
                  ('type', 'material', 'style', 'color', 'feature', 'size', 'other'))
);
"""

SPACES = """
-- threshold: cosine above which two keywords are one. weight: of a similarity beside full text,
-- which counts 1, in a search's score.
create table vitrina.spaces (
    id         int generated always as identity primary key,
    name       text not null unique check (name ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    provider   text not null,
    model      text not null,
    modality   text not null check (modality in ('text', 'image')),
    dimensions int not null check (dimensions between 1 and 4000),
    threshold  real not null check (threshold between 0 and 1),
    weight     real not null check (weight >= 0),
    state      text not null default 'building' check (state in ('building', 'active', 'retired')),
    created_at timestamptz not null default now()
);
create unique index spaces_active_idx on vitrina.spaces (modality) where state = 'active';

create table vitrina.keyword_embeddings (
    space_id   int not null references vitrina.spaces,
    keyword_id bigint not null references vitrina.keywords on delete cascade,
    embedding  @vector@.halfvec not null,
    primary key (space_id, keyword_id)
) partition by list (space_id);

-- input_hash: of the text or picture that was embedded; written with the vector, never alone.
create table vitrina.product_embeddings (
    space_id   int not null references vitrina.spaces,
    product_id bigint not null references vitrina.products on delete cascade,
    input_hash bytea not null,
    embedding  @vector@.halfvec not null,
    primary key (space_id, product_id)
) partition by list (space_id);

create table vitrina.query_embeddings (
    space_id   int not null references vitrina.spaces on delete cascade,
    query_hash bytea not null,
    embedding  @vector@.halfvec not null,
    used_at    timestamptz not null default now(),
    primary key (space_id, query_hash)
);
create index query_embeddings_used_at_idx on vitrina.query_embeddings (used_at);

create table vitrina.word_pieces (
    piece     text collate "C" primary key,
    embedding @vector@.halfvec not null
);
"""

WORK = """
-- cost is in USD; null means that the model's price is unknown.
create table vitrina.generations (
    id             bigint generated always as identity primary key,
    stage          text not null,
    input_hash     bytea not null,
    provider       text not null,
    model          text not null,
    prompt_version text not null,
    output         jsonb not null,
    input_tokens   int not null default 0,
    cached_tokens  int not null default 0,
    output_tokens  int not null default 0,
    cost           numeric(14, 8),
    seconds        real,
    created_at     timestamptz not null default now(),
    unique (stage, input_hash, model, prompt_version)
);
create index generations_created_at_idx on vitrina.generations (created_at);

-- version counts the changes of the product while the job waits or runs: a worker that finishes
-- an older version leaves the job queued.
create table vitrina.jobs (
    product_id  bigint primary key references vitrina.products on delete cascade,
    version     bigint not null default 1,
    state       text not null default 'queued' check (state in ('queued', 'leased', 'failed')),
    attempts    int not null default 0,
    run_after   timestamptz not null default now(),
    lease_until timestamptz,
    worker      text,
    error       text,
    check ((state = 'leased') = (lease_until is not null and worker is not null))
);
create index jobs_queued_idx on vitrina.jobs (run_after, product_id) where state = 'queued';
create index jobs_leased_idx on vitrina.jobs (lease_until) where state = 'leased';

-- What `vitrina db upgrade` put in beside the migrations: the SQL files and the data files.
create table vitrina.installed (
    name         text primary key,
    sha256       text not null,
    version      text not null,
    installed_at timestamptz not null default now()
);
"""

TABLES = (
    "installed jobs generations word_pieces query_embeddings product_embeddings keyword_embeddings "
    "spaces thesaurus contrasts product_keywords keyword_aliases keywords product_text products "
    "images sources"
)


def upgrade() -> None:
    run_sql(CATALOGUE + VOCABULARY + SPACES + WORK)


def downgrade() -> None:
    run_sql("".join(f"drop table vitrina.{table};\n" for table in TABLES.split()))
