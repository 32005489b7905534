"""Text-search configurations named with their schema."""

from vitrina.db.schema import run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("""
-- The schema of the extension was in the path in which these names were looked up; it is no more.
update vitrina.sources as s set text_config = format('%I.%I', n.nspname::text, c.cfgname::text)
from pg_catalog.pg_ts_config as c
join pg_catalog.pg_namespace as n on n.oid = c.cfgnamespace
where quote_ident(n.nspname::text) = '@vector@'
    and quote_ident(c.cfgname::text) = s.text_config
    and not exists (
        select from pg_catalog.pg_ts_config as o
        join pg_catalog.pg_namespace as p on p.oid = o.cfgnamespace
        where o.cfgname = c.cfgname and p.nspname = 'pg_catalog');
""")


def downgrade() -> None:
    pass
