"""Names in other languages, and the facet of those a product is for."""

from vitrina.db.schema import run_sql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

FACETS = ("type", "material", "style", "color", "feature", "size", "audience", "other")
TABLES = ("keywords", "thesaurus", "keyword_thresholds")

UPGRADE = """
-- language: '' where a term counts everywhere; else ("rot" is red in German) only where all sources
-- are in this language.
alter table vitrina.thesaurus
    add column language text not null default ''
        check (language in ('', 'german', 'french', 'spanish')),
    drop constraint thesaurus_pkey,
    add primary key (term, language);
alter table vitrina.seeded_words
    add column language text not null default '',
    drop constraint seeded_words_pkey,
    add primary key (target, term, value, language);

-- language: of the keywords' names; null: that of all sources, else English.
alter table vitrina.keyword_policy
    add column language text check (language in ('english', 'german', 'french', 'spanish'));
"""

DOWNGRADE = """
alter table vitrina.keyword_policy drop column language;
delete from vitrina.seeded_words where language <> '';
alter table vitrina.seeded_words drop column language,
    add primary key (target, term, value);
delete from vitrina.thesaurus where language <> '';
alter table vitrina.thesaurus drop column language, add primary key (term);
delete from vitrina.keyword_thresholds where facet = 'audience';
update vitrina.keywords set facet = 'other' where facet = 'audience';
update vitrina.thesaurus set facet = 'other' where facet = 'audience';
"""


def _check(facets: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{facet}'" for facet in facets)
    return "".join(
        f"alter table vitrina.{table} drop constraint {table}_facet_check,"
        f" add constraint {table}_facet_check check (facet in ({listed}));\n"
        for table in TABLES
    )


KNOWN = """
update vitrina.keywords set facet = 'audience'
where facet = 'other' and name in ('men', 'women', 'unisex', 'boys', 'girls', 'kids', 'baby',
                                   'infant', 'toddler', 'teens', 'adults', 'pets');
"""


def upgrade() -> None:
    run_sql(UPGRADE + _check(FACETS) + KNOWN)


def downgrade() -> None:
    run_sql(DOWNGRADE + _check(tuple(facet for facet in FACETS if facet != "audience")))
