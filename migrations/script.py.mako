"""${message}."""

from vitrina.db.schema import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("""${upgrades if upgrades else ""}""")


def downgrade() -> None:
    run_sql("""${downgrades if downgrades else ""}""")
