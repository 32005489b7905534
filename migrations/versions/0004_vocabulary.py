"""Jobs that only embed."""

from vitrina.schema import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPGRADE = """
-- embed: only the text to embed has changed, so no picture is fetched and no model asked.
alter table vitrina.jobs add column stage text not null default 'enrich'
    check (stage in ('enrich', 'embed'));

-- their signatures have changed: the new ones would stand beside these
drop function if exists vitrina.queue_products(bigint[]);
drop function if exists vitrina.claim_jobs(text, int, interval, text[], boolean);
drop function if exists vitrina.claim_products(text, bigint[], bigint[], interval);
"""

DOWNGRADE = """
alter table vitrina.jobs drop column stage;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
