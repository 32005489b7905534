"""Vectors of all pictures of a product, beside that of its own picture."""

from vitrina.db.schema import run_sql

revision = "0031"
down_revision = "0029"
branch_labels = None
depends_on = None

UPGRADE = """
-- fetch_after: taken by a worker until then, or not to be had; null: at once.
alter table vitrina.product_images
    add column image_error text,
    add column fetch_after timestamptz;

-- The first picture's vector is the product's, in product_embeddings; a picture that goes takes its
-- vector along.
create table vitrina.picture_embeddings (
    space_id   int not null,
    product_id bigint not null,
    position   int not null,
    input_hash bytea not null,
    embedding  @vector@.halfvec not null,
    primary key (space_id, product_id, position),
    foreign key (product_id, position) references vitrina.product_images on delete cascade
) partition by list (space_id);
create index picture_embeddings_image_idx on vitrina.picture_embeddings (product_id, position);

do $parts$
declare
    _space record;
    _part text;
begin
    for _space in select s.id, s.dimensions from vitrina.spaces as s where s.modality <> 'text' loop
        _part := 'picture_embeddings_' || _space.id;
        execute format(
            'create table vitrina.%I partition of vitrina.picture_embeddings'
            ' (constraint %I check (@vector@.vector_dims(embedding) = %s)) for values in (%s)',
            _part, _part || '_dimensions', _space.dimensions, _space.id);
        execute format('alter table vitrina.%I alter embedding set storage plain', _part);
    end loop;
end
$parts$;
"""

DOWNGRADE = """
drop table vitrina.picture_embeddings;
alter table vitrina.product_images drop column image_error, drop column fetch_after;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
