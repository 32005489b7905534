"""Attached tables give texts, codes, pictures and variants too."""

from vitrina.db.schema import run_sql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UPGRADE = """
-- parts: which of text, sku, codes, images and variants the query gives; that of an earlier version
-- gives none.
alter table vitrina.attachments add column parts text[] not null default '{}';
"""

DOWNGRADE = """
alter table vitrina.attachments drop column parts;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
