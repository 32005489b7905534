-- The shop's policy for the growth of its vocabulary.

-- ---------------------------------------------------------------------------------------------
-- set_keyword_policy(mode, merge_narrower, language): sets the policy for new decisions (see keyword_policy).
-- mode: 'strict' is the whole chain; 'plain' takes the nearest keyword over the threshold, without
-- thesaurus and vetoes, for comparison. merge_narrower: a term may merge with a term of more words
-- ("chair", "office chair"). language: of the keywords' names, english, german, french or spanish; ''
-- for that of all sources, else English. Null keeps a setting. Raises VT004 for another mode or language.
-- ---------------------------------------------------------------------------------------------
create or replace function set_keyword_policy(
    mode text default null, merge_narrower boolean default null, language text default null
) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    if set_keyword_policy.mode not in ('strict', 'plain') then
        raise exception 'the policy cannot be %', quote_literal(left(set_keyword_policy.mode, 100))
            using errcode = 'VT004', hint = 'use strict or plain';
    end if;
    if set_keyword_policy.language not in ('', 'english', 'german', 'french', 'spanish') then
        raise exception 'keywords have no names in %', quote_literal(left(set_keyword_policy.language, 100))
            using errcode = 'VT004', hint = 'use english, german, french or spanish';
    end if;
    update keyword_policy as p set
        language = case when set_keyword_policy.language is null then p.language
                        else nullif(set_keyword_policy.language, '') end,
        mode = coalesce(set_keyword_policy.mode, p.mode),
        merge_narrower = coalesce(set_keyword_policy.merge_narrower, p.merge_narrower);
    if set_keyword_policy.language is not null then
        perform renew_language_keys();
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- set_keyword_threshold(threshold, facet, space): sets the cosine, from 0 to 1, above which two terms
-- of this facet may be the same keyword. facet: null sets the space's own threshold, the default of
-- all facets; threshold: null removes a facet's own. space: a name; null for the active text space.
-- Raises VT003 for an unknown space, VT004 for a space of pictures, or a value out of range.
-- ---------------------------------------------------------------------------------------------
create or replace function set_keyword_threshold(
    threshold real, facet text default null, space text default null
) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := case when space is null then active_space('text') else named_space(space) end;
begin
    if _space.modality <> 'text' then
        raise exception 'space % is of pictures', quote_literal(_space.name) using errcode = 'VT004',
            hint = 'terms are compared in spaces for texts';
    end if;
    if not coalesce(set_keyword_threshold.threshold between 0 and 1,
                    set_keyword_threshold.facet is not null) then
        raise exception 'a threshold must be a cosine from 0 to 1' using errcode = 'VT004',
            hint = 'like 0.6: above it two terms are one keyword';
    end if;
    if set_keyword_threshold.facet is null then
        update spaces as s set threshold = set_keyword_threshold.threshold where s.id = _space.id;
    elsif set_keyword_threshold.facet not in
        ('type', 'material', 'style', 'color', 'feature', 'size', 'audience', 'other') then
        raise exception 'facet % not found', quote_literal(left(set_keyword_threshold.facet, 100))
            using errcode = 'VT004',
                  hint = 'use one of type, material, style, color, feature, size, audience, other';
    elsif set_keyword_threshold.threshold is null then
        delete from keyword_thresholds as t
        where t.space_id = _space.id and t.facet = set_keyword_threshold.facet;
    else
        insert into keyword_thresholds as t (space_id, facet, threshold)
        values (_space.id, set_keyword_threshold.facet, set_keyword_threshold.threshold)
        on conflict (space_id, facet) do update set threshold = excluded.threshold;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_threshold(space, facet) → the cosine above which a term of this facet may be a keyword: the
-- facet's own, else the space's.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keyword_threshold(space spaces, facet text) returns real
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(
        (select t.threshold from keyword_thresholds as t
         where t.space_id = space.id and t.facet = keyword_threshold.facet),
        space.threshold);
$func$;
