"""Quantised spaces; what suggestions and duplicates are looked up by."""

from vitrina.db.schema import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UPGRADE = """
-- quantized: products are found by the signs of their vectors, and put in order by the vectors.
alter table vitrina.spaces add column quantized boolean not null default false;

-- every word of an alias, by its beginning
create index keyword_aliases_words_idx on vitrina.keyword_aliases
    using gin (array_to_tsvector(array_remove(string_to_array(left(alias, 200), ' '), '')));

-- pictures are compared by their hashes alone, without their thumbnails
create index images_dhash_idx on vitrina.images (dhash, sha256);

-- their signatures have changed: the new ones would stand beside these
drop function if exists vitrina.create_space(text, text, text, text, int, real, real, text);
drop function if exists vitrina.embed_products(bigint[]);
drop function if exists vitrina.missing_keyword_embeddings(text, int);
"""

DOWNGRADE = """
drop index vitrina.images_dhash_idx;
drop index vitrina.keyword_aliases_words_idx;
alter table vitrina.spaces drop column quantized;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
