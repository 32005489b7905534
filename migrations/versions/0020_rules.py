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

-- What a merchandiser decides: of a query, or of all where it is null, which products are pinned to
-- the top, hidden, or boosted; by product, or by an attribute (its value, or any that says yes).
-- forms: what the words of the query may be known by, see rule_forms.
create table vitrina.rules (
    id         bigint generated always as identity primary key,
    query      text,
    forms      text[] not null default '{}',
    action     text not null check (action in ('pin', 'hide', 'boost')),
    product_id bigint references vitrina.products on delete cascade,
    attribute  text,
    value      text,
    weight     real check (weight > 0 and weight <= 1000),
    position   int check (position > 0),
    valid_from timestamptz,
    valid_to   timestamptz,
    created_at timestamptz not null default now(),
    role       text not null default session_user,
    removed_at timestamptz,
    check ((product_id is null) <> (attribute is null)),
    check (value is null or attribute is not null),
    check ((action = 'boost') = (weight is not null)),
    check ((action = 'pin') = (position is not null)),
    check (action <> 'pin' or product_id is not null)
);
create index rules_product_id_idx on vitrina.rules (product_id);

-- The rules of a search: the products pinned, in their order; hidden products and attributes;
-- boosted products and attributes, each with its weight, parallel and null where the other says
-- it.
create type vitrina_internal.steering as (
    pinned            bigint[],
    hidden            bigint[],
    hidden_attributes text[],
    hidden_values     text[],
    boosted           bigint[],
    boosted_attributes text[],
    boosted_values    text[],
    weights           real[]
);
alter type vitrina_internal.filters add attribute rules vitrina_internal.steering;
"""

DOWNGRADE = """
alter type vitrina_internal.filters
    drop attribute rules, drop attribute chosen_ends, drop attribute chosen;
drop type vitrina_internal.steering;
drop table vitrina.rules;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
