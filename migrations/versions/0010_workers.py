"""Workers as rows of their own; what is in hand, and who died with it."""

from vitrina.db.schema import run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UPGRADE = """
-- A process that leases jobs. No session lock: a transaction pooler gives sessions away. boot_id,
-- namespaces and process_start (clock ticks after the boot) say which process it is, as far as that
-- can be proved on its own machine; null where the system does not tell.
create table vitrina.workers (
    id            text primary key,
    host          text not null,
    pid           int not null,
    boot_id       text,
    namespaces    text,
    process_start bigint,
    started_at    timestamptz not null default now(),
    heartbeat_at  timestamptz not null default now()
);

-- worker: the id of its row in workers, or the name of one that has none and so is never proved
-- gone. begun_at: since when a worker has the product in hand, not merely leased. deaths: the
-- workers that died with it in hand.
alter table vitrina.jobs
    add column begun_at timestamptz,
    add column deaths text[] not null default '{}';
create index jobs_deaths_idx on vitrina.jobs (product_id) where deaths <> '{}';

-- their signatures have changed: the new ones would stand beside these
drop function if exists vitrina.claim_jobs(text, int, interval, text[], boolean);
drop function if exists vitrina.claim_products(text, bigint[], bigint[], interval);
drop function if exists vitrina.fail_jobs(text, bigint[], text[], int, text[]);
drop function if exists vitrina.extend_jobs(text, interval);
drop function if exists vitrina.leasing_workers();
drop function if exists vitrina.list_jobs(text[], text[], text, bigint[], int);
"""

DOWNGRADE = """
drop index vitrina.jobs_deaths_idx;
alter table vitrina.jobs drop column deaths, drop column begun_at;
drop table vitrina.workers;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
