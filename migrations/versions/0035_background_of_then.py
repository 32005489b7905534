"""Which products a background was measured of: of a catalogue that is replaced, it is another."""

from vitrina.db.schema import run_sql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# background_last: the last of the products by id; null: not known, so it is measured again.
UPGRADE = """
alter table vitrina.spaces add column background_last bigint;
"""

DOWNGRADE = """
alter table vitrina.spaces drop column background_last;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
