"""What the schema's owner has allowed, apart from what a writer says."""

from vitrina.db.schema import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UPGRADE = """
-- trusted_root: the folder that the schema's owner lets workers read this source's pictures from.
-- config.image_root may name it or a folder below, and a writer may change that alone.
alter table vitrina.sources add column trusted_root text;

-- what is there was trusted until now; it stays so where no other role could have written it
update vitrina.sources as s set trusted_root = s.config ->> 'image_root'
where exists (select from vitrina.attachments as a where a.source_id = s.id)
    or not exists (select from pg_auth_members as m
                   where m.roleid = to_regrole('vitrina_writer'));

-- opened_by: the role that submitted it; what a writer said binds a collecting process less
alter table vitrina.batches add column opened_by text;
alter table vitrina.batches alter column opened_by set default current_user;

-- reads: the tables and views the source reads, to look whether row-level security is on them
alter table vitrina.attachments add column reads text[] not null default '{}';
"""

DOWNGRADE = """
alter table vitrina.attachments drop column reads;
alter table vitrina.batches drop column opened_by;
alter table vitrina.sources drop column trusted_root;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
