"""No cost below 0, nor one that is no number: a budget is what is left after all costs."""

from vitrina.db.schema import run_sql

revision = "0037"
down_revision = "0035"
branch_labels = None
depends_on = None

# A row that is wrong already stays, for the owner to mend: new ones are checked all the same.
UPGRADE = """
alter table vitrina.generations
    add constraint generations_cost_check check (cost >= 0 and cost < 'NaN') not valid;
alter table vitrina.batches
    add constraint batches_cost_check check (cost >= 0 and cost < 'NaN') not valid,
    add constraint batches_estimate_check check (estimate >= 0 and estimate < 'NaN') not valid;

do $validate$
begin
    alter table vitrina.generations validate constraint generations_cost_check;
    alter table vitrina.batches validate constraint batches_cost_check,
        validate constraint batches_estimate_check;
exception when check_violation then
    raise notice 'some stored costs are below 0 or no numbers'
        using hint = 'see: select id from vitrina.generations where cost < 0 or cost = ''NaN''';
end
$validate$;
"""

DOWNGRADE = """
alter table vitrina.batches
    drop constraint batches_estimate_check, drop constraint batches_cost_check;
alter table vitrina.generations drop constraint generations_cost_check;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
