-- Products that come with their own keywords, captions and vectors.

-- ---------------------------------------------------------------------------------------------
-- import_space(name, provider, model, dimensions, threshold, use) → the name of the text space for
-- imported vectors, created if missing. name: null for a name made of provider, model and dimensions.
-- use: the space is to become active, see use_space; this function checks that and leaves the switch
-- to the caller. Raises VT004 if a space of this name takes other vectors, VT002 if the role may not
-- do it, with the statement for the owner.
-- ---------------------------------------------------------------------------------------------
create or replace function import_space(
    name text, provider text, model text, dimensions int, threshold real default 0.6,
    use boolean default false
) returns text
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _name text := coalesce(name, format('%s-%s-%s', lower(provider), left(btrim(
        regexp_replace(lower(model), '[^a-z0-9._-]+', '-', 'g'), '.-'), 80), dimensions));
    _owner text := (select pg_get_userbyid(n.nspowner) from pg_namespace as n
                    where n.nspname = 'vitrina');
    _space spaces;
begin
    if import_space.provider = 'local' then
        raise exception 'the local space takes no embeddings: the database makes them'
            using errcode = 'VT004', hint = 'leave the embeddings out, or name their provider';
    end if;
    if _name !~ '^[a-z0-9][a-z0-9._-]{0,99}$' then
        raise exception '% cannot be the name of a space', quote_literal(left(_name, 100))
            using errcode = 'VT004', hint = 'a-z, 0-9, ".", "_" and "-", at most 100 of them';
    end if;
    if use and not has_table_privilege('spaces', 'update') then
        raise exception 'role % may not make space % the active one', current_user, _name
            using errcode = 'VT002', hint = format(
                'import without use, then as %s, the owner: select vitrina.use_space(%L);',
                _owner, _name);
    end if;
    if not exists (select from spaces as s where s.name = _name) then
        begin
            -- as create_space does, before looking again
            lock table keywords, products in share row exclusive mode;
            lock table spaces in share row exclusive mode;
            -- another import may have created it meanwhile
            perform create_space(_name, provider, model, 'text', dimensions, threshold)
            where not exists (select from spaces as s where s.name = _name);
        exception when insufficient_privilege then
            raise exception 'role % may not create space %', current_user, _name
                using errcode = 'VT002', hint = format(
                    'first, as %s, the owner: '
                    'select vitrina.create_space(%L, %L, %L, ''text'', %s, %s);',
                    _owner, _name, provider, model, dimensions, threshold);
        end;
    end if;
    select s.* into _space from spaces as s where s.name = _name;
    if (_space.modality, _space.dimensions) is distinct from ('text', import_space.dimensions) then
        raise exception 'space % takes % vectors of % dimensions, these have %',
            _name, _space.modality, _space.dimensions, import_space.dimensions
            using errcode = 'VT004', hint = 'choose another space';
    end if;
    if (_space.provider, _space.model)
       is distinct from (import_space.provider, import_space.model) then
        raise exception 'space % is for % %, not for % %', _name, _space.provider, _space.model,
            import_space.provider, import_space.model
            using errcode = 'VT004', hint = 'give its provider and model, or name another space';
    end if;
    return _name;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- ensure_space(provider, model, dimensions, threshold) → the name and the state of the text space for
-- an embedding model, created if missing. If no product has a vector in the active text space, the new
-- space becomes active; else it is filled beside the active one, so that search never breaks. Raises
-- VT002 if the role may not do it, with the statement for the owner, and VT004 as import_space does.
-- ---------------------------------------------------------------------------------------------
create or replace function ensure_space(
    provider text, model text, dimensions int, threshold real default 0.6,
    out name text, out state text
)
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    ensure_space.name := import_space(null, provider, model, dimensions, threshold);
    if exists (select from spaces as s where s.name = ensure_space.name and s.state = 'building')
       and not exists (
           select from product_embeddings as e
           join spaces as s on s.id = e.space_id
           where s.modality = 'text' and s.state = 'active')
    then
        perform use_space(ensure_space.name);
    end if;
    select s.state into ensure_space.state from spaces as s where s.name = ensure_space.name;
exception when insufficient_privilege then
    raise exception 'role % may not activate space %', current_user, ensure_space.name
        using errcode = 'VT002', hint = format(
            'first, as %s, the owner: select vitrina.use_space(%L);',
            (select pg_get_userbyid(n.nspowner) from pg_namespace as n where n.nspname = 'vitrina'),
            ensure_space.name);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- learn_terms(said): unknown terms become keywords or join one, as resolve_keywords decides. If the
-- active text space is not local, no vector is needed: the thesaurus decides, and the other terms
-- become keywords of their own.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.learn_terms(said text[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _terms text[];
    _forms text[];
    _embeddings @vector@.halfvec[];
begin
    select array_agg(u.term order by u.place), array_agg(u.form order by u.place)
    into _terms, _forms
    from (
        select t.term, t.place, normal_form(t.term) as form
        from unnest(said) with ordinality as t (term, place)
    ) as u
    where u.form <> '' and not exists (
        select from keyword_aliases as a where a.alias = u.form);
    if _terms is null then
        return;
    end if;
    if (active_space('text')).provider = 'local' then
        select array_agg(e.embedding order by e.ordinal) into _embeddings
        from embed_all(_terms) as e;
    end if;
    perform l.alias from learn_keywords(_terms, _forms, _embeddings, null) as l;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- changed_enrichments(source, products) → of import_products' rows with keywords and caption, those
-- that differ from the stored ones, in the form of put_enrichments. The product's picture stays.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.changed_enrichments(source text, products jsonb) returns jsonb
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(jsonb_agg(jsonb_build_object(
        'product_id', p.id, 'image_sha256', encode(p.image_sha256, 'hex'),
        'image_error', p.image_error, 'description', g.description, 'caption', g.caption,
        'terms', (select jsonb_agg(jsonb_build_object('term', t.term) order by t.place)
                  from jsonb_array_elements_text(g.keywords) with ordinality as t (term, place))
        ) order by p.id), '[]')
    from jsonb_to_recordset(changed_enrichments.products) as g (
        external_id text, keywords jsonb, description text, caption text)
    join sources as s on s.name = changed_enrichments.source
    join products as p on p.source_id = s.id and p.external_id = g.external_id
    where g.keywords is not null and g.caption is not null
        and (p.enriched_at is null
             or (p.description, p.caption) is distinct from (g.description, g.caption)
             or array(select t.term
                      from jsonb_array_elements_text(g.keywords) with ordinality as t (term, place)
                      where is_term(t.term, normal_form(t.term))
                      order by t.place)
                <> array(select t.term from product_terms as t
                         where t.product_id = p.id order by t.place));
$func$;

-- ---------------------------------------------------------------------------------------------
-- import_products(source, products, space, embeddings) → counts of rows inserted, updated, unchanged,
-- queued, and of new or changed enrichments and embeddings. products: as for put_products, each with
-- its keywords (an array of texts), description and caption if known. A product with keywords and a
-- caption counts as enriched: it is not queued, its terms are resolved as in put_enrichments, and a
-- local text space embeds it. embeddings: one per product or null, in the text space `space`; each
-- counts as made from the stored keywords and caption. Raises VT003 for an unknown source or space,
-- VT004 if the arrays differ in length or a vector is all zeros.
-- ---------------------------------------------------------------------------------------------
create or replace function import_products(
    source text, products jsonb, space text default null, embeddings @vector@.halfvec[] default null
) returns table (
    inserted int, updated int, unchanged int, queued int, enriched int, embedded int
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _codes text[];
    _enriched bigint[];
    _versions bigint;
begin
    perform check_rows('products', import_products.products,
        product_keys() || '{"keywords": "texts", "description": "text", "caption": "text"}');
    if cardinality(embeddings) <> jsonb_array_length(import_products.products) then
        raise exception 'embeddings must have one item per product' using errcode = 'VT004',
            hint = 'use null for a product without an embedding, or leave the embeddings out';
    end if;
    -- before any product is locked: workers lock in this order
    perform hold_keywords();
    perform learn_terms(array_agg(t.term order by g.place, t.place))
    from rows from (jsonb_to_recordset(import_products.products) as (keywords jsonb, caption text))
        with ordinality as g (keywords, caption, place)
    cross join lateral jsonb_array_elements_text(g.keywords) with ordinality as t (term, place)
    where g.caption is not null;

    select array_agg(g.external_id) into _codes
    from jsonb_to_recordset(import_products.products) as g (
        external_id text, keywords jsonb, caption text)
    where g.keywords is not null and g.caption is not null;
    select coalesce(sum(j.version), 0) into _versions
    from jobs as j
    join products as p on p.id = j.product_id
    join sources as s on s.id = p.source_id
    where s.name = import_products.source and p.external_id = any (_codes);

    select c.inserted, c.updated, c.unchanged, c.queued
    into inserted, updated, unchanged, queued
    from put_products(import_products.source, import_products.products) as c;
    select put_enrichments(changed_enrichments(import_products.source, import_products.products))
    into enriched;

    select coalesce(array_agg(p.id order by p.id), '{}') into _enriched
    from products as p
    join sources as s on s.id = p.source_id
    where s.name = import_products.source and p.external_id = any (_codes);
    -- queueing a product adds 1 to its job's version: this many of `queued` are deleted again
    with gone as (
        delete from jobs as j where j.product_id = any (_enriched) returning j.version
    )
    select import_products.queued - (coalesce(sum(g.version), 0) - _versions) into queued
    from gone as g;

    if (active_space('text')).provider = 'local' then
        perform embed_products(_enriched);
    end if;
    select put_embeddings(import_products.space, array_agg(p.id),
                          array_agg(sha256(convert_to(embedding_input(p.keywords, p.caption), 'utf8'))),
                          array_agg(e.embedding))
    into embedded
    from rows from (jsonb_to_recordset(import_products.products) as (external_id text))
        with ordinality as g (external_id, place)
    join unnest(embeddings) with ordinality as e (embedding, place) on e.place = g.place
    join sources as s on s.name = import_products.source
    join products as p on p.source_id = s.id and p.external_id = g.external_id
    where e.embedding is not null
    having count(*) > 0;
    embedded := coalesce(embedded, 0);
    return next;
end
$func$;
