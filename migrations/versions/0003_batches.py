"""Batches of requests that an endpoint answers within a day, at half price."""

from vitrina.db.schema import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("""
-- A row is there before the endpoint hears of the batch: `token` goes into the metadata, so that a
-- batch whose answer never came is found again by it.
-- preparing: its requests are being gathered; creating: the file is uploaded, the endpoint may know
-- the batch; submitted: it does; answered: what it answered is stored, its products are not done;
-- collected: all done; failed, abandoned: it answered nothing, its requests are free again.
-- run, settings: of the command that began it; the later rounds keep to them.
-- status: the endpoint's own word. estimate and cost are in USD, null where prices are not known.
create table vitrina.batches (
    id           bigint generated always as identity primary key,
    token        text not null unique,
    run          text not null,
    settings     jsonb not null,
    base_url     text not null,
    endpoint     text not null default '/v1/chat/completions',
    model        text not null,
    stages       text[] not null default '{}',
    state        text not null default 'preparing' check (state in (
                     'preparing', 'creating', 'submitted', 'answered', 'collected', 'failed',
                     'abandoned')),
    remote_id    text unique,
    status       text,
    requests     int not null default 0,
    answered     int not null default 0,
    unanswered   int not null default 0,
    tokens       bigint not null default 0,
    estimate     numeric(14, 8),
    cost         numeric(14, 8),
    input_file   text,
    output_file  text,
    error_file   text,
    error        text,
    created_at   timestamptz not null default now(),
    submitted_at timestamptz,
    collected_at timestamptz
);
create index batches_open_idx on vitrina.batches (id)
    where state in ('preparing', 'creating', 'submitted', 'answered');

-- version: of the job when it was asked; open: an answer is awaited; missing: none came, it may be
-- asked again; refused: none will come; released: it was never asked.
create table vitrina.batch_requests (
    batch_id       bigint not null references vitrina.batches on delete cascade,
    custom_id      text not null,
    product_id     bigint references vitrina.products on delete set null,
    version        bigint not null,
    stage          text not null,
    input_hash     bytea not null,
    model          text not null,
    prompt_version text not null,
    state          text not null default 'open' check (state in (
                       'open', 'done', 'missing', 'refused', 'released')),
    attempts       int not null,
    error          text,
    primary key (batch_id, custom_id)
);
create unique index batch_requests_open_idx
    on vitrina.batch_requests (stage, input_hash, model, prompt_version) where state = 'open';
create index batch_requests_product_id_idx on vitrina.batch_requests (product_id);
""")


def downgrade() -> None:
    run_sql("drop table vitrina.batch_requests;\ndrop table vitrina.batches;\n")
