"""The layout of each picture, to tell its copies."""

from vitrina.db.schema import run_sql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

UPGRADE = """
-- null: a picture that came before, to be measured from its thumbnail; zeros: a plain picture.
alter table vitrina.images add column layout @vector@.halfvec(192);
create index images_no_layout_idx on vitrina.images (sha256) where layout is null;
"""

DOWNGRADE = """
alter table vitrina.images drop column layout;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
