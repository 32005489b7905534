"""The language that counts in the stored keys, which are renewed when the shop's is another."""

from vitrina.db.schema import run_sql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

UPGRADE = """
alter table vitrina.keyword_policy add column keys_language text;
"""

DOWNGRADE = """
alter table vitrina.keyword_policy drop column keys_language;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
