-- Sources and their products: written if changed, queued if an enrichment would change.

-- ---------------------------------------------------------------------------------------------
-- parts_hash(variants, images) → the hash of a product's variants and pictures as they were given; null
-- for a product with neither.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.parts_hash(variants jsonb, images jsonb) returns bytea
language sql immutable parallel safe
return case when variants <> '[]' or images <> '[]' then sha256(convert_to(
    jsonb_build_array(nullif(variants, '[]'), nullif(images, '[]'))::text, 'utf8')) end;

-- ---------------------------------------------------------------------------------------------
-- attributes_of(given, variants) → the attributes of a product: those given, and of its variants what
-- was not given. Of an option (color, size) its values, of prices the least and, where it differs, the
-- greatest; in stock is a product with a variant in stock.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.attributes_of(given jsonb, variants jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    with forms as materialized (
        select v.place, v.variant -> 'attributes' as attributes,
               case when jsonb_typeof(v.variant #> '{attributes,price}') = 'number'
                    then (v.variant #> '{attributes,price}')::numeric end as price
        from jsonb_array_elements(variants) with ordinality as v (variant, place)
        where jsonb_typeof(v.variant -> 'attributes') = 'object'
    ),
    sold as (
        select min(f.price) as least, max(f.price) as greatest,
               (array_agg(f.attributes -> 'was_price' order by f.price, f.place))[1] as was_price,
               (array_agg(f.attributes -> 'currency' order by f.place)
                    filter (where f.attributes ? 'currency'))[1] as currency,
               bool_or((f.attributes -> 'in_stock') = 'true')
                   filter (where jsonb_typeof(f.attributes -> 'in_stock') = 'boolean') as in_stock
        from forms as f
    ),
    options as (
        select o.key, case when count(*) = 1 then (array_agg(o.value))[1]
                           else jsonb_agg(o.value order by o.place) end as value
        from (
            select a.key, e.value, min(array[f.place, e.place]) as place
            from forms as f
            cross join lateral jsonb_each(f.attributes) as a
            cross join lateral jsonb_array_elements(
                case when jsonb_typeof(a.value) = 'array' then a.value
                     else jsonb_build_array(a.value) end) with ordinality as e (value, place)
            where a.key not in ('price', 'price_max', 'was_price', 'currency', 'in_stock')
                and jsonb_typeof(e.value) in ('string', 'number', 'boolean')
                and length(e.value #>> '{}') between 1 and 100
            group by a.key, e.value
        ) as o
        group by o.key
        having count(*) <= 200
    )
    select coalesce((select jsonb_object_agg(o.key, o.value) from options as o), '{}')
        || jsonb_strip_nulls(jsonb_build_object(
               'price', s.least,
               'price_max', case when s.greatest > s.least then s.greatest end,
               'was_price', s.was_price, 'currency', s.currency, 'in_stock', s.in_stock))
        || given
    from sold as s;
$func$;

-- ---------------------------------------------------------------------------------------------
-- product_attributes(given, variants) → the same for any row of put_products: given and variants may be
-- null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.product_attributes(given jsonb, variants jsonb) returns jsonb
language sql immutable parallel safe
return case when variants <> '[]' then attributes_of(coalesce(given, '{}'), variants)
            else coalesce(given, '{}') end;

-- ---------------------------------------------------------------------------------------------
-- put_source(name, kind, config, text_config) → the source's id; creates the source or updates its
-- settings. text_config: a text-search configuration ('english', 'german', 'simple' …), or the shop's
-- own with its schema ('public.shop'); of a new source, when it is not given, it is detected from the
-- first products, see detect_text_config. config is merged into the stored one. config.image_root: the
-- folder of pictures without a URL; workers trust it if the schema's owner sets it here; from other
-- roles it must lie below a trusted folder (see trusted_root, or `vitrina work --image-root`). Raises
-- VT004 for an unknown configuration or kind, a config that is not an object, or a name that is empty
-- or over 200 characters.
-- ---------------------------------------------------------------------------------------------
create or replace function put_source(
    name text, kind text default 'file', config jsonb default '{}', text_config text default null
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _id int;
    _config regconfig;
begin
    if length(coalesce(put_source.name, '')) not between 1 and 200 then
        raise exception 'the name of a source must have 1 to 200 characters' using errcode = 'VT004',
            hint = 'give it a short name, like shop';
    end if;
    if coalesce(put_source.kind, '') not in ('file', 'table') then
        raise exception 'a source cannot be of the kind %', quote_nullable(left(put_source.kind, 100))
            using errcode = 'VT004', hint = 'use file or table';
    end if;
    if jsonb_typeof(put_source.config) is distinct from 'object' then
        raise exception 'the config of a source must be a JSON object' using errcode = 'VT004',
            hint = 'like ''{"image_root": "/srv/pictures"}''';
    end if;
    begin
        _config := put_source.text_config::regconfig;
    exception when others then
        raise exception 'text-search configuration % not found',
            quote_literal(left(put_source.text_config, 100)) using errcode = 'VT004',
            hint = 'see: select cfgname from pg_ts_config';
    end;
    insert into sources as s (name, kind, config, text_config, text_config_due)
    values (put_source.name, put_source.kind, put_source.config,
            coalesce(_config, 'english')::text, _config is null)
    on conflict (name) do update set
        config = s.config || excluded.config,
        text_config = coalesce(_config::text, s.text_config),
        text_config_due = s.text_config_due and excluded.text_config_due
    returning s.id into _id;
    -- only the owner has this privilege; a writer can only narrow the folder
    if put_source.config ->> 'image_root' is not null
        and has_column_privilege('vitrina.sources', 'trusted_root', 'update') then
        update sources as s set trusted_root = put_source.config ->> 'image_root' where s.id = _id;
    end if;
    perform renew_language_keys();
    return _id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- source_languages(source) → the language of a source's titles, by its text-search configuration, or
-- null; and the language in which keywords are shown.
-- ---------------------------------------------------------------------------------------------
create or replace function source_languages(source text, out language text, out shown text)
language sql stable security invoker
set search_path from current
as $func$
    select source_language(s.text_config), shown_language()
    from sources as s where s.name = source_languages.source;
$func$;

-- ---------------------------------------------------------------------------------------------
-- settle_languages(product_ids): detects the text-search configuration of their sources, if it was not
-- given and these are the first products.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.settle_languages(product_ids bigint[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    update sources as s set
        text_config_due = false,
        text_config = detect_text_config(array(
            select concat_ws(' ', p.title, left(p.text, 500))
            from products as p
            where p.id = any (product_ids) and p.source_id = s.id
            order by p.id limit 1000))
    where s.text_config_due
        and exists (select from products as p where p.id = any (product_ids) and p.source_id = s.id);
    if found then
        perform renew_language_keys();
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- remove_source(name) → how many products it had. Deletes the source with its products; the vocabulary
-- stays. Raises VT003 if the source is not found, VT004 if it is attached.
-- ---------------------------------------------------------------------------------------------
create or replace function remove_source(name text) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int := source_named(remove_source.name);
    _count int;
    _images bytea[];
begin
    if exists (select from attachments as a where a.source_id = _source) then
        raise exception 'source % is attached', quote_ident(remove_source.name)
            using errcode = 'VT004', hint = format('detach it, which removes its products: vitrina detach %s',
                                                   shell_quoted(remove_source.name));
    end if;
    _images := array(select p.image_sha256 from products as p
                     where p.source_id = _source and p.image_sha256 is not null
                     union
                     select i.image_sha256 from product_images as i
                     join products as p on p.id = i.product_id
                     where p.source_id = _source and i.image_sha256 is not null);
    delete from products as p where p.source_id = _source;
    get diagnostics _count = row_count;
    delete from sources as s where s.id = _source;
    perform renew_language_keys();
    perform drop_unused(_images);
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- refresh_text(product_ids): renews the full-text rows of these products, in the text-search
-- configuration of their source, and keeps the words that are new; see product_lexemes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.refresh_text(product_ids bigint[]) returns void
language sql volatile security invoker
set search_path from current
as $func$
    select settle_languages(product_ids);
    with written as (
        insert into product_text as t (product_id, tsv, version)
        select p.id, product_lexemes(p, s.text_config, p.sku || p.codes || array(
                   select c.code
                   from variants as v
                   cross join lateral unnest(v.sku || v.codes) as c (code)
                   where v.product_id = p.id and length(c.code) <= 100
                   order by v.position
                   limit 2000)), text_version() -- of more, a full text would be too long
        from products as p
        join sources as s on s.id = p.source_id
        where p.id = any (product_ids)
        order by p.id
        on conflict (product_id) do update set tsv = excluded.tsv, version = excluded.version
            where t.tsv <> excluded.tsv or t.version <> excluded.version
        returning product_id, tsv
    )
    insert into catalogue_words (config, word)
    select n.config, n.word
    from (
        select distinct s.text_config as config, l.lexeme collate "C" as word
        from written as w
        join products as p on p.id = w.product_id
        join sources as s on s.id = p.source_id
        cross join unnest(tsvector_to_array(w.tsv)) as l (lexeme)
        -- not codes, keywords, numbers
        where l.lexeme !~ '[\x01-@\[-`{-\x7f]' and char_length(l.lexeme) between 3 and 40
    ) as n
    where not exists (
        select from catalogue_words as c where c.config = n.config and c.word = n.word);
    -- rules for endings may take the end of a compound: of Küchentisch they leave kuchent
    insert into catalogue_words (config, word, lexeme)
    select n.config, n.word, l.lexeme
    from (
        select distinct s.text_config as config, lower(folded_text(w.word)) collate "C" as word
        from products as p
        join sources as s on s.id = p.source_id
        cross join regexp_split_to_table(clean_text(p.title), '[\x01-@\[-`{-\x7f]+') as w (word)
        where p.id = any (product_ids) and char_length(w.word) between 6 and 40
            and makes_compounds(s.text_config)
    ) as n
    cross join lateral unnest(word_lexemes(n.config::regconfig, n.word)) as l (lexeme)
    where l.lexeme <> n.word and not exists (
        select from catalogue_words as c
        where c.config = n.config and c.word = n.word and c.lexeme = l.lexeme);
    select note_spellings(array(
        select distinct l.lexeme
        from products as p
        cross join lateral (
            select left(concat_ws(' ', p.title, array_to_string(p.keywords, ' '), left(p.description, 30000),
                                  left(p.text, 30000), string_agg(a.value, ' ')), 100000) as body
            from jsonb_each_text(p.attributes) as a
            where char_length(a.value) <= 200
        ) as b
        cross join unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', clean_text(b.body)))) as l (lexeme)
        where p.id = any (product_ids)));
$func$;

-- ---------------------------------------------------------------------------------------------
-- renew_text(after, at_most) → how many products have a new full-text row, and the last of them: of those
-- above the id `after` without a row, or with one of an older version (see text_version), the first
-- `at_most`. Skips products that others are writing: it waits for nobody.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_text(
    after bigint, at_most int, out renewed int, out last bigint
)
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _about constant text := ' ?(Composed from the title and attributes(; colours measured in the picture)?'
                            '|No keyword was recognised in the title)\.$';
    _ids bigint[];
begin
    select array_agg(o.id), max(o.id) into _ids, last
    from (select p.id
          from products as p
          left join product_text as t on t.product_id = p.id
          where p.id > renew_text.after and t.version is distinct from text_version()
          order by p.id limit at_most) as o;
    -- then nothing newer can be written before what is read here
    select coalesce(array_agg(l.id), '{}') into _ids
    from (select p.id from products as p where p.id = any (_ids)
          order by p.id for no key update skip locked) as l;
    -- the local tagger of early versions wrote about its descriptions in them
    update products as p set description = regexp_replace(regexp_replace(
        p.description, _about, ''), '(^|\. )(Also noted|Listed under): ', '\1', 'g')
    where p.id = any (_ids) and p.description ~ _about;
    perform refresh_text(_ids);
    renewed := cardinality(_ids);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- queue_products(product_ids, stage) → how many. Queues them for enrichment, or again if a worker has
-- them. stage: 'enrich', or 'embed' if only the text to embed has changed: then no picture is fetched
-- and no model asked. A product that waits for the whole enrichment, or failed at it, stays as it is;
-- unknown products are skipped.
-- ---------------------------------------------------------------------------------------------
create or replace function queue_products(product_ids bigint[], stage text default 'enrich')
returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _count int;
begin
    perform check_word('stage', queue_products.stage, 'enrich', 'embed');
    with queued as (
        insert into jobs as j (product_id, stage)
        select distinct u.id, queue_products.stage
        from unnest(product_ids) as u (id)
        where u.id is not null
        order by u.id
        on conflict (product_id) do update set
            version = j.version + 1,
            stage = case when j.stage = 'enrich' then 'enrich' else excluded.stage end,
            attempts = 0,
            deaths = '{}',
            error = null,
            reply = null,
            -- a leased job stays with its worker, whose finish will see the new version
            state = case when j.state = 'leased' then 'leased' else 'queued' end,
            run_after = case when j.state = 'leased' then j.run_after else now() end
        -- a queued enrichment also embeds; one at work may already have read the text
        where excluded.stage = 'enrich' or j.stage = 'embed' or j.state = 'leased'
        returning 1
    ),
    -- a hint for idle workers; they also check every second
    told as materialized (
        select pg_notify('vitrina_jobs', '') from queued limit 1
    )
    select count(*) into _count from queued cross join (select count(*) from told) as t;
    return _count;
exception when foreign_key_violation then
    -- some are not there; looked up only now, as each new job's key is looked up by itself
    return queue_products(
        array(select p.id from products as p where p.id = any (product_ids)), stage);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_products(source, products) → counts of rows inserted, updated, unchanged, and queued.
-- products: a jsonb array of {external_id, title, image, image_stamp, url, attributes, text, sku, codes,
-- images, variants}, each external id once. text: what the shop wrote. codes: texts, such as EAN and
-- part number. images: all pictures, [{image, role}], role: main, further or variant. variants: the
-- forms that are sold, [{sku, title, codes, image, attributes}]; their attributes are what they differ
-- in, and price, was_price, currency and in_stock: the product has these too, see attributes_of. A
-- product is queued for enrichment when the input of an enrichment has changed; a new price is stored
-- and costs nothing. Raises VT003 for an unknown source.
-- ---------------------------------------------------------------------------------------------
create or replace function put_products(source text, products jsonb)
returns table (inserted int, updated int, unchanged int, queued int)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source int;
    _given int;
    _twice text;
    _changed bigint[];
    _to_queue bigint[];
    _parts bigint[];
begin
    select s.id into _source from sources as s where s.name = put_products.source;
    if not found then
        raise exception 'source % not found', quote_literal(left(put_products.source, 100))
            using errcode = 'VT003', hint = 'create it: select vitrina.put_source(name)';
    end if;
    perform check_rows('products', put_products.products, product_keys());
    _given := jsonb_array_length(put_products.products);
    with given as (
        select g.* from read_products(put_products.products) as g
    ),
    before as materialized (
        select p.id, p.external_id, p.input_hash, p.parts_hash
        from products as p
        join given as g on g.external_id = p.external_id
        where p.source_id = _source
    ),
    written as (
        insert into products as p
            (source_id, external_id, title, text, image, image_stamp, url, attributes, sku, codes,
             input_hash, parts_hash)
        select _source, g.external_id, g.title, g.text, g.image, g.image_stamp, g.url, g.attributes,
               g.sku, g.codes, g.input_hash, g.parts_hash
        from given as g
        order by g.external_id
        on conflict (source_id, external_id) do update set
            title = excluded.title, text = excluded.text, image = excluded.image,
            image_stamp = excluded.image_stamp, url = excluded.url,
            attributes = excluded.attributes, sku = excluded.sku, codes = excluded.codes,
            input_hash = excluded.input_hash, parts_hash = excluded.parts_hash, updated_at = now()
        where (p.title, p.text, p.image, p.image_stamp, p.url, p.attributes, p.sku, p.codes,
               p.parts_hash)
              is distinct from
              (excluded.title, excluded.text, excluded.image, excluded.image_stamp, excluded.url,
               excluded.attributes, excluded.sku, excluded.codes, excluded.parts_hash)
        returning p.id, p.external_id, p.input_hash, p.parts_hash
    )
    select count(*) filter (where b.id is null), count(*) filter (where b.id is not null),
           array_agg(w.id), array_agg(w.id) filter (where b.input_hash is distinct from w.input_hash),
           array_agg(w.id) filter (where b.parts_hash is distinct from w.parts_hash)
    into inserted, updated, _changed, _to_queue, _parts
    from written as w
    left join before as b on b.external_id = w.external_id;
    unchanged := _given - inserted - updated;
    if _parts <> '{}' then
        perform put_parts(_parts, put_products.products);
        -- the picture of a product that waits for a worker may be another one now
        perform name_pictures(array(select u.id from unnest(_parts) as u (id)
                                    where u.id <> all (coalesce(_to_queue, '{}'))));
    end if;
    perform refresh_text(_changed);
    queued := queue_products(coalesce(_to_queue, '{}'));
    return next;
exception when cardinality_violation then
    select r.external_id into _twice
    from jsonb_to_recordset(put_products.products) as r (external_id text)
    group by r.external_id having count(*) > 1 limit 1;
    if not found then
        raise;
    end if;
    raise exception 'products has external id % twice', quote_literal(_twice)
        using errcode = 'VT004', hint = 'give each external id once; nothing was written';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- product_keys() → the keys of put_products' rows, as check_rows takes them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.product_keys() returns jsonb
language sql immutable parallel safe
return '{"external_id": "name!", "title": "title!", "image": "text", "image_stamp": "text",
         "url": "text", "attributes": "object", "text": "text", "sku": "text", "codes": "texts",
         "images": "pictures", "variants": "variants"}'::jsonb;

-- ---------------------------------------------------------------------------------------------
-- read_products(products) → put_products' rows as they are stored. Without an image the first of the
-- images is the product's own. input_hash: of the input of an enrichment; numbers and booleans among
-- the attributes (price, stock) describe nothing: changing them costs nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.read_products(products jsonb) returns table (
    external_id text, title text, text text, image text, image_stamp text, url text,
    attributes jsonb, sku text, codes text[], input_hash bytea, parts_hash bytea
)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select r.external_id, r.title, r.body, r.image, r.image_stamp, r.url, r.attributes, r.sku,
           r.codes, sha256(convert_to(
               jsonb_build_array(r.title, r.image, r.image_stamp, (
                   select jsonb_object_agg(a.key, a.value)
                   from jsonb_each(r.attributes) as a
                   where jsonb_typeof(a.value) not in ('number', 'boolean', 'null')))::text
               -- products without a text keep the hash of versions that knew no text
               || coalesce(r.body, ''), 'utf8')),
           r.parts_hash
    from (
        select g.external_id, g.title, nullif(g.text, '') as body,
               coalesce(g.image, g.images #>> '{0,image}') as image, g.image_stamp, g.url,
               product_attributes(g.attributes, g.variants) as attributes,
               nullif(g.sku, '') as sku, coalesce(array_remove(g.codes, null), '{}') as codes,
               parts_hash(g.variants, g.images) as parts_hash
        from jsonb_to_recordset(products) as g (
            external_id text, title text, text text, image text, image_stamp text, url text,
            attributes jsonb, sku text, codes text[], images jsonb, variants jsonb)
        offset 0 -- what is made of a row is made once
    ) as r;
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_parts(product_ids, products): makes the variants and pictures of these products, which are among
-- those rows of put_products, the given ones.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.put_parts(product_ids bigint[], products jsonb) returns void
language sql volatile security invoker
set search_path from current
as $func$
    with given as (
        select p.id, v.*
        from jsonb_to_recordset(put_parts.products) as g (external_id text, variants jsonb)
        join products as p on p.external_id = g.external_id and p.id = any (product_ids)
        cross join lateral rows from (
            jsonb_to_recordset(coalesce(g.variants, '[]')) as (
                sku text, title text, codes text[], image text, attributes jsonb))
            with ordinality as v (sku, title, codes, image, attributes, position)
    ),
    gone as (
        delete from variants as v
        where v.product_id = any (product_ids) and not exists (
            select from given as g where g.id = v.product_id and g.position = v.position)
    )
    insert into variants as v (product_id, position, sku, title, codes, image, attributes)
    select g.id, g.position, nullif(g.sku, ''), g.title, coalesce(array_remove(g.codes, null), '{}'),
           g.image, coalesce(g.attributes, '{}')
    from given as g
    on conflict (product_id, position) do update set
        sku = excluded.sku, title = excluded.title, codes = excluded.codes, image = excluded.image,
        attributes = excluded.attributes
    where (v.sku, v.title, v.codes, v.image, v.attributes) is distinct from
          (excluded.sku, excluded.title, excluded.codes, excluded.image, excluded.attributes);

    with given as (
        select p.id, i.image, i.role, i.position
        from jsonb_to_recordset(put_parts.products) as g (external_id text, images jsonb)
        join products as p on p.external_id = g.external_id and p.id = any (product_ids)
        cross join lateral rows from (
            jsonb_to_recordset(coalesce(g.images, '[]')) as (image text, role text))
            with ordinality as i (image, role, position)
    ),
    gone as (
        delete from product_images as i
        where i.product_id = any (product_ids) and not exists (
            select from given as g where g.id = i.product_id and g.position = i.position)
    )
    insert into product_images as i (product_id, position, image, role)
    select g.id, g.position, g.image,
           coalesce(g.role, case when g.position = 1 then 'main' else 'further' end)
    from given as g
    on conflict (product_id, position) do update set
        image = excluded.image, role = excluded.role,
        image_sha256 = case when i.image = excluded.image then i.image_sha256 end
    where (i.image, i.role) is distinct from (excluded.image, excluded.role);
$func$;

-- ---------------------------------------------------------------------------------------------
-- name_pictures(product_ids): says of these products' own pictures, as far as they were fetched, which
-- stored picture they are.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.name_pictures(product_ids bigint[]) returns void
language sql volatile security invoker
set search_path from current
as $func$
    update product_images as i set image_sha256 = p.image_sha256
    from products as p
    where p.id = any (product_ids) and i.product_id = p.id and i.image = p.image
        and i.image_sha256 is distinct from p.image_sha256;
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_to_queue(source, products) → how many of them put_products would queue; writes nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function count_to_queue(source text, products jsonb) returns int
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    return (
        select count(*)
        from read_products(count_to_queue.products) as r
        left join sources as s on s.name = source
        left join vitrina.products as p on p.source_id = s.id and p.external_id = r.external_id
        where p.input_hash is distinct from r.input_hash);
exception when data_exception or feature_not_supported then
    perform check_rows('products', count_to_queue.products, product_keys());
    raise;
end
$func$;
