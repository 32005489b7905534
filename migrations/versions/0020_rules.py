"""What is chosen of each facet, and what merchandisers decide for queries."""

from vitrina.db.schema import run_sql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UPGRADE = """
-- chosen: the ids of keywords of which any will do, group after group; chosen_ends: the last place
-- of each group.
alter type vitrina_internal.filters
    add attribute chosen      bigint[],
    add attribute chosen_ends int[];
"""

DOWNGRADE = """
alter type vitrina_internal.filters drop attribute chosen_ends, drop attribute chosen;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
