"""Jobs that only fetch a picture again."""

from vitrina.db.schema import run_sql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

UPGRADE = """
alter table vitrina.jobs
    drop constraint jobs_stage_check,
    add constraint jobs_stage_check check (stage in ('enrich', 'embed', 'picture'));
"""

DOWNGRADE = """
delete from vitrina.jobs where stage = 'picture';
alter table vitrina.jobs
    drop constraint jobs_stage_check,
    add constraint jobs_stage_check check (stage in ('enrich', 'embed'));
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
