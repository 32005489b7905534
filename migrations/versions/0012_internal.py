"""Helpers move to the schema vitrina_internal; queries of attached sources call one of them."""

from vitrina.db.schema import run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("""
update vitrina.attachments as a set
    query = replace(a.query, 'vitrina._media(', 'vitrina_internal.media_address(')
where strpos(a.query, 'vitrina._media(') > 0;
""")


def downgrade() -> None:
    run_sql("""
update vitrina.attachments as a set
    query = replace(a.query, 'vitrina_internal.media_address(', 'vitrina._media(')
where strpos(a.query, 'vitrina_internal.media_address(') > 0;
""")
