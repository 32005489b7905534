-- The words that a version of vitrina brings; a shop's own changes stay.

-- ---------------------------------------------------------------------------------------------
-- renew_forms(): brings stored normal forms of an older vitrina up to date. If two terms become the
-- same, the first stays.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_forms() returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    with form as materialized (
        select t.term, t.language, normal_form(t.term) as form, normal_form(t.canonical) as becomes
        from thesaurus as t
    ), gone as (
        delete from thesaurus as t using (
            select f.*, row_number() over (partition by f.form, f.language
                                           order by f.term <> f.form, f.term) as place
            from form as f) as f
        where (f.term, f.language) = (t.term, t.language) and f.place > 1
        returning t.term, t.language
    )
    update thesaurus as t set term = f.form from form as f
    where (f.term, f.language) = (t.term, t.language)
        and (t.term, t.language) not in (select g.term, g.language from gone as g)
        and (f.term <> f.form or t.becomes is distinct from f.becomes);
    with form as materialized (
        select c.term, c.contrast_group, normal_form(c.term) as form from contrasts as c
    ), gone as (
        delete from contrasts as c using (
            select f.*, row_number() over (partition by f.contrast_group, f.form
                                           order by f.term <> f.form, f.term) as place
            from form as f) as f
        where (f.term, f.contrast_group) = (c.term, c.contrast_group) and f.place > 1
        returning c.term, c.contrast_group
    )
    update contrasts as c set term = f.form from form as f
    where (f.term, f.contrast_group) = (c.term, c.contrast_group) and f.term <> f.form
        and (c.term, c.contrast_group) not in (select g.term, g.contrast_group from gone as g);
    with form as materialized (
        select a.alias, normal_form(a.alias) as form from keyword_aliases as a
    ), gone as (
        delete from keyword_aliases as a using (
            select f.*, row_number() over (partition by f.form order by f.alias <> f.form, f.alias) as place
            from form as f) as f
        where f.alias = a.alias and f.place > 1
        returning a.alias
    )
    update keyword_aliases as a set alias = f.form from form as f
    where f.alias = a.alias and f.alias <> f.form and a.alias not in (select g.alias from gone as g);
    with old as (
        delete from keyword_distinctions as d
        where (normal_form(d.term_a), normal_form(d.term_b)) <> (d.term_a, d.term_b)
        returning normal_form(d.term_a) as a, normal_form(d.term_b) as b, d.method, d.decided_at
    )
    insert into keyword_distinctions (term_a, term_b, method, decided_at)
    select least(o.a, o.b), greatest(o.a, o.b), o.method, o.decided_at from old as o where o.a <> o.b
    on conflict do nothing;
    perform renew_keys(null);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- give_words(): loads the rows of the temporary table given_words (target, term, value, facet, domain,
-- language) into thesaurus, contrasts and related_terms (value: the weight, and the related term). Rows
-- given earlier but missing now are deleted, unless the shop has changed them; rows that the shop changed
-- or deleted stay so.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.give_words() returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform renew_forms();
    create temporary table new_words on commit drop as
    select distinct on (g.target, g.form, g.language, g.what) g.*
    from (select w.place, w.target, w.term, normal_form(w.term) as form, w.facet, w.domain, w.language,
                 case w.target when 'contrasts' then w.value when 'related_terms' then normal_form(r.related) end as what,
                 case w.target when 'related_terms' then r.weight || ' ' || normal_form(r.related) else w.value end as value
          from given_words as w
          cross join lateral (select split_part(w.value, ' ', 1) as weight,
                                     substr(w.value, strpos(w.value, ' ') + 1) as related) as r) as g
    order by g.target, g.form, g.language, g.what, g.place;
    analyze new_words; -- joined without, it is read once for each row of the others
    analyze seeded_words;
    delete from thesaurus as t using seeded_words as s
    where s.target = 'thesaurus' and (s.term, s.value, s.language) = (t.term, t.canonical, t.language)
        and not exists (
            select from new_words as n
            where (n.target, n.form, n.value, n.language) = (s.target, s.term, s.value, s.language));
    delete from contrasts as t using seeded_words as s
    where s.target = 'contrasts' and (s.term, s.value) = (t.term, t.contrast_group) and not exists (
        select from new_words as n where (n.target, n.form, n.value) = (s.target, s.term, s.value));
    delete from related_terms as t using seeded_words as s
    where s.target = 'related_terms' and (s.term, s.value) = (t.term, t.weight || ' ' || t.related)
        and not exists (
            select from new_words as n where (n.target, n.form, n.value) = (s.target, s.term, s.value));
    -- a canonical term is usually among the terms: its form is known
    create temporary table new_forms on commit drop as
    select u.value, coalesce(k.form, normal_form(u.value)) as form
    from (select distinct n.value from new_words as n where n.target = 'thesaurus') as u
    left join (select distinct on (w.term) w.term, w.form from new_words as w
               where w.target = 'thesaurus' order by w.term) as k on k.term = u.value;
    analyze new_forms;
    -- does at once what the triggers do row by row
    alter table thesaurus disable trigger user;
    alter table contrasts disable trigger user;
    alter table related_terms disable trigger user;
    insert into thesaurus (term, canonical, facet, domain, language, key, becomes)
    select n.form, n.value, n.facet, n.domain, n.language, squashed(n.form), f.form
    from new_words as n
    join new_forms as f on f.value = n.value
    where n.target = 'thesaurus' and not exists (
        select from seeded_words as s
        where (s.target, s.term, s.value, s.language) = (n.target, n.form, n.value, n.language))
    on conflict do nothing;
    update thesaurus as t set domain = n.domain
    from new_words as n
    where n.target = 'thesaurus' and (n.form, n.value) = (t.term, t.canonical)
        and n.domain is distinct from t.domain;
    analyze thesaurus;
    insert into contrasts (term, contrast_group, key)
    select n.form, n.value, term_key(n.form) from new_words as n
    where n.target = 'contrasts' and not exists (
        select from seeded_words as s where (s.target, s.term, s.value) = (n.target, n.form, n.value))
    on conflict do nothing;
    insert into related_terms (term, related, weight, facet, key, related_key)
    select n.form, n.what, split_part(n.value, ' ', 1)::real, n.facet, '', '' from new_words as n
    where n.target = 'related_terms' and n.form <> n.what and not exists (
        select from seeded_words as s where (s.target, s.term, s.value) = (n.target, n.form, n.value))
    on conflict do nothing;
    perform renew_keys(null);
    alter table thesaurus enable trigger user;
    alter table contrasts enable trigger user;
    alter table related_terms enable trigger user;
    perform note_vocabulary();
    delete from seeded_words;
    insert into seeded_words (target, term, value, language)
    select n.target, n.form, n.value, n.language from new_words as n;
    drop table new_words, new_forms;
    analyze contrasts;
    analyze related_terms;
end
$func$;
