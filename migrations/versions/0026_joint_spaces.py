"""Joint spaces: one model embeds pictures and text, so words find pictures."""

from vitrina.db.schema import run_sql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

UPGRADE = """
-- settings: of the model, like the other tower's name or the form in which its endpoint is asked.
-- picture_mean, picture_deviation: the background between pictures, in a joint space; there
-- background_mean is that between words and pictures.
alter table vitrina.spaces
    drop constraint spaces_modality_check,
    add constraint spaces_modality_check check (modality in ('text', 'image', 'joint')),
    add column settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    add column picture_mean real,
    add column picture_deviation real check (picture_deviation > 0);
-- one in use for texts, one for pictures: an image space, or a joint one
drop index vitrina.spaces_active_idx;
create unique index spaces_active_idx on vitrina.spaces ((modality = 'text'))
    where state = 'active';
"""

DOWNGRADE = """
do $joint$
declare
    _space record;
begin
    for _space in select s.id from vitrina.spaces as s where s.modality = 'joint' loop
        execute format('drop table if exists vitrina.%I, vitrina.%I',
                       'keyword_embeddings_' || _space.id, 'product_embeddings_' || _space.id);
        delete from vitrina.spaces as s where s.id = _space.id;
    end loop;
end
$joint$;
-- the space that was searched before the joint one
update vitrina.spaces as s set state = 'active'
where not exists (select from vitrina.spaces as o where o.modality = 'image' and o.state = 'active')
    and s.id = (select max(o.id) from vitrina.spaces as o
                where o.modality = 'image' and o.state = 'retired');
drop index vitrina.spaces_active_idx;
create unique index spaces_active_idx on vitrina.spaces (modality) where state = 'active';
alter table vitrina.spaces
    drop column settings, drop column picture_mean, drop column picture_deviation,
    drop constraint spaces_modality_check,
    add constraint spaces_modality_check check (modality in ('text', 'image'));
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
