-- Checks of vectors: each is there, and made of what its product, picture or keyword is now.

-- ---------------------------------------------------------------------------------------------
-- checked_vectors() → the checks of the vectors of products, pictures and keywords, in the spaces in use and in
-- those that are filled. A space that is not in use any more is not kept up, and not looked at.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_vectors()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    with kept as materialized (
        -- vectors of a space that is filled beside another wait for `vitrina work` or `spaces build`
        select s.id, s.name, s.modality, s.provider, s.state = 'active' as in_use from spaces as s
        where s.state in ('active', 'building')
    ),
    text as materialized (
        -- of another provider, the next run of it makes what lacks; but not what was made of another text
        select p.id, s.name, s.in_use and j.product_id is null
               and (s.provider = 'local' or e.product_id is not null) as is_due
        from products as p
        cross join kept as s
        left join product_embeddings as e on e.product_id = p.id and e.space_id = s.id
        left join jobs as j on j.product_id = p.id
        where s.modality = 'text' and p.enriched_at is not null
            and e.input_hash is distinct from sha256(convert_to(embedding_input(p.keywords, p.caption), 'utf8'))
    ),
    picture as materialized (
        select p.id, s.name, s.in_use and j.product_id is null as is_due
        from products as p
        cross join kept as s
        left join product_embeddings as e on e.product_id = p.id and e.space_id = s.id
        left join jobs as j on j.product_id = p.id
        where p.image_sha256 is not null and e.input_hash is distinct from p.image_sha256
            -- a model of joint spaces fills what lacks, without a job; others put the hash that they like
            and (s.modality = 'image' and s.provider = 'local'
                 or s.modality = 'joint' and e.product_id is not null)
    ),
    further as materialized (
        -- a worker replaces what is of another picture, except of the product's own: that has no row here
        select e.product_id, s.name, m.image is not distinct from p.image and e.input_hash <> p.image_sha256 as is_due
        from picture_embeddings as e
        join kept as s on s.id = e.space_id
        join products as p on p.id = e.product_id
        join product_images as m on m.product_id = e.product_id and m.position = e.position
        where e.input_hash is distinct from m.image_sha256
    )
    select 'vectors of texts', (select count(*) from products as p where p.enriched_at is not null),
           count(*) filter (where t.is_due), count(*) filter (where not t.is_due),
           (array_agg('product ' || t.id || ' in ' || t.name order by t.is_due desc, t.id))[1],
           'vitrina spaces build NAME'
    from text as t
    union all
    select 'vectors of pictures', (select count(*) from products as p where p.image_sha256 is not null),
           count(*) filter (where t.is_due), count(*) filter (where not t.is_due),
           (array_agg('product ' || t.id || ' in ' || t.name order by t.is_due desc, t.id))[1],
           'vitrina spaces build NAME; of another picture: select vitrina.queue_products(ids, ''picture'');'
    from picture as t
    union all
    select 'vectors of further pictures', (select count(*) from picture_embeddings as e),
           count(*) filter (where t.is_due), count(*) filter (where not t.is_due),
           (array_agg('product ' || t.product_id || ' in ' || t.name order by t.is_due desc, t.product_id))[1],
           'vitrina work'
    from further as t;
$func$;

-- ---------------------------------------------------------------------------------------------
-- checked_keyword_vectors() → the check of the vectors of keywords. In a local space they are made anew and
-- compared; the vector of another model is only looked for, as it says not of what it was made.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_keyword_vectors()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    with named as materialized (
        select array_agg(w.id order by w.id) as ids, array_agg(w.name order by w.id) as names from keywords as w
    ),
    made as materialized (
        select n.ids[t.ordinal] as id, t.embedding
        from named as n
        cross join lateral embed_all(n.names) as t
        where exists (select from spaces as s where s.provider = 'local' and s.modality = 'text'
                                                    and s.state = 'active')
    ),
    judged as (
        select w.id, w.name, s.name as space,
               s.provider = 'local' and case
                   when e.embedding is null then m.embedding is not null
                   -- of the same words typed otherwise: not one of another name
                   else coalesce(e.embedding operator(@vector@.<=>) m.embedding, 1) > 0.01 end as wrong,
               s.provider <> 'local' and e.embedding is null as waiting
        from keywords as w
        join spaces as s on s.modality = 'text' and s.state = 'active'
        left join keyword_embeddings as e on e.space_id = s.id and e.keyword_id = w.id
        left join made as m on m.id = w.id
    )
    select 'vectors of keywords', count(*), count(*) filter (where j.wrong), count(*) filter (where j.waiting),
           coalesce(min(j.name) filter (where j.wrong), min(j.name) filter (where j.waiting)),
           'delete from vitrina.keyword_embeddings as e using vitrina.spaces as s where s.id = e.space_id'
           ' and s.provider = ''local''; select vitrina.embed_keywords(s.name) from vitrina.spaces as s'
           ' where s.provider = ''local'' and s.modality = ''text'';'
    from judged as j;
$func$;
