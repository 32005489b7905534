-- The keys under which terms are looked up, renewed when the words change.

-- ---------------------------------------------------------------------------------------------
-- Triggers that maintain the keys: terms of the thesaurus and of contrasts are stored in normal form,
-- however inserted; aliases and names of keywords have their keys and marks; a change of the words
-- renews them. New terms and aliases have words that misspelt ones may be corrected to.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.normalize_term() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    new.term := normal_form(new.term);
    if tg_table_name = 'thesaurus' then
        new.key := squashed(new.term);
        new.becomes := normal_form(new.canonical);
    else
        new.key := term_key(new.term);
    end if;
    return new;
end
$func$;

create or replace function vitrina_internal.set_key() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    if tg_table_name = 'keywords' then
        select c.canonical, contrast_marks(c.canonical), kinds_of(c.canonical, new.facet)
        into new.form, new.marks, new.kinds
        from canonical_form(normal_form(new.name)) as c;
    else
        new.key := term_key(new.alias);
    end if;
    return new;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- renew_keys(terms): renews the keys of rows with one of these terms (in normal form) among their
-- words, and the forms of rules; of all rows if null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_keys(terms text[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _touches text := (
        select string_agg(regexp_replace(squashed(t.term), '([^[:alnum:]])', '\\\1', 'g'), '|')
        from unnest(terms) as t (term));
begin
    update contrasts as c set key = k.key
    from contrasts as o cross join lateral term_key(o.term) as k (key)
    where c.term = o.term and c.contrast_group = o.contrast_group
        and (terms is null or squashed(o.term) ~ _touches) and c.key is distinct from k.key;
    with named as materialized (
        select n.term, term_key(n.term) as key
        from (select r.term from related_terms as r union select r.related from related_terms as r) as n
        where terms is null or squashed(n.term) ~ _touches
    )
    update related_terms as r set key = coalesce(k.key, r.key), related_key = coalesce(l.key, r.related_key)
    from related_terms as o
    left join named as k on k.term = o.term
    left join named as l on l.term = o.related
    where (r.term, r.related) = (o.term, o.related)
        and (k.key is distinct from o.key and k.key is not null
             or l.key is distinct from o.related_key and l.key is not null);
    update keywords as w set form = k.canonical, marks = m.marks, kinds = n.kinds
    from keywords as o
    cross join lateral canonical_form(normal_form(o.name)) as k
    cross join lateral contrast_marks(k.canonical) as m (marks)
    cross join lateral kinds_of(k.canonical, o.facet) as n (kinds)
    where w.id = o.id and (terms is null or squashed(normal_form(o.name)) ~ _touches)
        and (w.form, w.marks, w.kinds) is distinct from (k.canonical, m.marks, n.kinds);
    update keyword_aliases as a set key = k.key
    from keyword_aliases as o cross join lateral term_key(o.alias) as k (key)
    where a.alias = o.alias and (terms is null or squashed(o.alias) ~ _touches)
        and a.key is distinct from k.key;
    perform renew_rules(terms);
end
$func$;

create or replace function vitrina_internal.words_changed() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
declare
    _terms text[];
begin
    if tg_op = 'UPDATE' then
        -- what the old words meant, too
        _terms := array(select c.term from before as c union select c.term from changed as c limit 101);
    else
        _terms := array(select distinct c.term from changed as c limit 101);
    end if;
    -- more are too many to look up one by one
    perform renew_keys(case when cardinality(_terms) <= 100 then _terms end) where _terms <> '{}';
    return null;
end
$func$;

create or replace function vitrina_internal.words_met() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    perform note_spellings(array(
        select distinct w.word
        from met as m
        cross join regexp_split_to_table(to_jsonb(m) ->> tg_argv[0], ' ') as w (word)));
    return null;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- renew_language_keys(): where the shop's language is no longer that in which the keys were made, renews
-- them, if terms that count in one of these languages only are among the aliases, contrasts or related terms.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_language_keys() returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _before text := (select p.keys_language from keyword_policy as p);
    _now text := shop_language();
begin
    if _now is not distinct from _before then
        return;
    end if;
    update keyword_policy as p set keys_language = _now;
    if exists (
        select from (
            select w.* from thesaurus as t
            join (select a.alias as term, a.key from keyword_aliases as a
                  union select c.term, c.key from contrasts as c
                  union select r.term, r.key from related_terms as r
                  union select r.related, r.related_key from related_terms as r) as w
                on replace(w.term, ' ', '') = t.key
            where t.language in (_before, _now)
            offset 0) as w -- first those few, then their keys
        where w.key is distinct from term_key(w.term)) then
        perform renew_keys(null);
    end if;
end
$func$;

create or replace trigger normalize_term before insert or update of term, canonical on thesaurus
    for each row execute function normalize_term();
create or replace trigger normalize_term before insert or update of term on contrasts
    for each row execute function normalize_term();
create or replace trigger set_key before insert or update of alias on keyword_aliases
    for each row execute function set_key();
create or replace trigger set_key before insert or update of name, facet on keywords
    for each row execute function set_key();
create or replace trigger thesaurus_inserted after insert on thesaurus
    referencing new table as changed for each statement execute function words_changed();
create or replace trigger thesaurus_updated after update on thesaurus
    referencing old table as before new table as changed for each statement execute function words_changed();
create or replace trigger thesaurus_deleted after delete on thesaurus
    referencing old table as changed for each statement execute function words_changed();
create or replace trigger words_met after insert on thesaurus
    referencing new table as met for each statement execute function words_met('term');
create or replace trigger words_met after insert on keyword_aliases
    referencing new table as met for each statement execute function words_met('alias');
create or replace trigger contrasts_inserted after insert on contrasts
    referencing new table as changed for each statement execute function words_changed();
create or replace trigger contrasts_updated after update on contrasts
    referencing old table as before new table as changed for each statement execute function words_changed();
create or replace trigger contrasts_deleted after delete on contrasts
    referencing old table as changed for each statement execute function words_changed();
