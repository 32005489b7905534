"""Every term said of a product, and the trail of changes to the vocabulary."""

from vitrina.db.schema import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UPGRADE = """
-- Every term that was said of a product, in order, in the words in which it was said; form: in
-- normal form. product_keywords and products.keywords are derived from it through the aliases.
create table vitrina.product_terms (
    product_id bigint not null references vitrina.products on delete cascade,
    place      int not null,
    term       text not null,
    form       text not null,
    facet      text,
    primary key (product_id, place)
);
create index product_terms_form_idx on vitrina.product_terms (form);

-- What was said until now, as far as it was kept; the SQL files give it its form.
insert into vitrina.product_terms (product_id, place, term, form)
select pk.product_id,
       row_number() over (partition by pk.product_id
                          order by array_position(p.keywords, w.name), w.id),
       pk.said, ''
from vitrina.product_keywords as pk
join vitrina.products as p on p.id = pk.product_id
join vitrina.keywords as w on w.id = pk.keyword_id;

-- A change of the vocabulary by hand, by a judge or by a rebuild, so that it can be undone.
-- before, after: by table, the rows it removed or altered, and those it made of them; touched:
-- their tables and keys. undoes: the change that this one undid; undone_at: when this one was.
create table vitrina.keyword_changes (
    id        bigint generated always as identity primary key,
    at        timestamptz not null default now(),
    role      text not null default session_user,
    action    text not null,
    arguments jsonb not null,
    before    jsonb not null,
    after     jsonb not null,
    touched   text[] not null,
    undoes    bigint references vitrina.keyword_changes,
    undone_at timestamptz
);
create index keyword_changes_touched_idx on vitrina.keyword_changes using gin (touched);
create index keyword_changes_undoes_idx on vitrina.keyword_changes (undoes);

"""

DOWNGRADE = """
drop table vitrina.keyword_changes;
drop table vitrina.product_terms;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
