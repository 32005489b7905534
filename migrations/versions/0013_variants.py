"""The shop's own text, codes, variants and all pictures of a product."""

from vitrina.db.schema import run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UPGRADE = """
-- text: what the shop wrote. codes: what a product is found by beside its external id and sku (EAN,
-- part number …). parts_hash: of its variants and pictures as they were given.
alter table vitrina.products
    add column text       text,
    add column sku        text,
    add column codes      text[] not null default '{}',
    add column parts_hash bytea;

-- The forms of a product that are sold, in the order of the shop. attributes: what differs (color,
-- size), and price, was_price and in_stock.
create table vitrina.variants (
    product_id bigint not null references vitrina.products on delete cascade,
    position   int not null check (position > 0),
    sku        text,
    title      text,
    codes      text[] not null default '{}',
    image      text,
    attributes jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
    primary key (product_id, position)
);

-- Every picture of a product, in the order of the shop; the first is its own. image_sha256: of a
-- picture that was fetched.
create table vitrina.product_images (
    product_id   bigint not null references vitrina.products on delete cascade,
    position     int not null check (position > 0),
    image        text not null,
    image_sha256 bytea references vitrina.images,
    role         text not null check (role in ('main', 'further', 'variant')),
    primary key (product_id, position)
);
create index product_images_image_sha256_idx on vitrina.product_images (image_sha256)
where image_sha256 is not null;

-- options: the attributes wanted of products, each a single value; alone and listed: each alone, as
-- {name: value} and as {name: [value]}. filter has the others.
alter type vitrina_internal.filters add attribute options jsonb, add attribute alone jsonb[],
    add attribute listed jsonb[];
"""

DOWNGRADE = """
alter type vitrina_internal.filters drop attribute options, drop attribute alone,
    drop attribute listed;
drop table vitrina.product_images;
drop table vitrina.variants;
alter table vitrina.products
    drop column parts_hash, drop column codes, drop column sku, drop column text;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
