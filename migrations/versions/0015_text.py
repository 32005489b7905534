"""Text as it is typed: the rules of each row, the words of the catalogue, the language."""

from vitrina.db.schema import run_sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UPGRADE = """
-- version: of the rules by which the row was indexed; see text_version.
alter table vitrina.product_text add column version smallint not null default 0;

-- Every word that the full text of a source has had: by its end a compound is found. Not unique:
-- then no writer waits for another one that has met the same new word. lexeme: of a word in a title
-- that loses its ending in full text; the others are lexemes.
create table vitrina.catalogue_words (
    config text not null,
    word   text collate "C" not null,
    lexeme text
);
create index catalogue_words_word_idx on vitrina.catalogue_words (config, word);
create index catalogue_words_ending_idx on vitrina.catalogue_words (config, reverse(word));

-- text_config_due: text_config was not given, and is detected from the first products.
alter table vitrina.sources add column text_config_due boolean not null default false;
"""

DOWNGRADE = """
delete from vitrina.installed where name = 'full text';
alter table vitrina.sources drop column text_config_due;
drop table vitrina.catalogue_words;
alter table vitrina.product_text drop column version;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
