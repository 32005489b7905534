"""Words that misspelt ones are corrected to."""

from vitrina.db.schema import run_sql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

UPGRADE = """
-- Words as they are written in products, aliases and the thesaurus. keys: see spelling_keys. Not
-- unique, as in catalogue_words: no writer waits for another one that has met the same new word.
create table vitrina.spellings (
    word text collate "C" not null,
    keys text[] collate "C" not null
);
create index spellings_word_idx on vitrina.spellings (word);
-- without fastupdate: a search would read the whole list of pending entries
create index spellings_keys_idx on vitrina.spellings using gin (keys) with (fastupdate = off);
"""

DOWNGRADE = """
drop table vitrina.spellings;
"""


def upgrade() -> None:
    run_sql(UPGRADE)


def downgrade() -> None:
    run_sql(DOWNGRADE)
