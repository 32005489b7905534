-- django-oscar: one row per product that Oscar itself would list: every public product that is not a
-- child. The public children of a parent are its variants; its attributes include their values.
select
    p.id,
    p.title,
    p.description as text,
    i.images #>> '{0,image}' as image,
    :'base_url' || '/catalogue/' || p.slug || '_' || p.id || '/' as url,
    -- a product that is sold itself
    case when not f.is_parent then f.forms #>> '{0,sku}' end as sku,
    coalesce(case when not f.is_parent then f.forms #> '{0,codes}' end, jsonb_build_array(p.upc, p.code)) as codes,
    i.images,
    case when f.is_parent then f.forms end as variants,
    coalesce(v.attributes, '{}') || coalesce(case when not f.is_parent then f.forms #> '{0,attributes}' end, '{}')
    || jsonb_strip_nulls(jsonb_build_object(
        'product_type', c.name,
        'category', g.names,
        'rating', p.rating)) as attributes
from :"schema".catalogue_product as p
left join :"schema".catalogue_productclass as c on c.id = p.product_class_id
left join lateral (
    select jsonb_agg(jsonb_build_object('image', i.original, 'role', case
               when i.place = 1 then 'main' when i.product_id = p.id then 'further'
               else 'variant' end) order by i.place) as images
    from (
        select i.product_id, i.original,
               row_number() over (order by m.id = p.id desc, m.id, i.display_order, i.id) as place
        from :"schema".catalogue_product as m
        join :"schema".catalogue_productimage as i on i.product_id = m.id
        where m.id = p.id or (m.parent_id = p.id and m.is_public)
    ) as i
) as i on true
left join lateral (
    select array_agg(b.name order by b.path) as names
    from (
        select distinct b.path, b.name
        from :"schema".catalogue_productcategory as pc
        join :"schema".catalogue_category as a on a.id = pc.category_id
        join :"schema".catalogue_category as b on starts_with(a.path, b.path)
        where pc.product_id = p.id and a.is_public and a.ancestors_are_public
    ) as b
) as g on true
left join lateral (
    -- attributes: of the product with its children, and by_form: of each of them
    with said as (
        select m.id, a.code, u.said
        from :"schema".catalogue_product as m
        join :"schema".catalogue_productattributevalue as v on v.product_id = m.id
        join :"schema".catalogue_productattribute as a on a.id = v.attribute_id
        cross join lateral (
            select case a.type
                when 'text' then to_jsonb(v.value_text)
                when 'richtext' then to_jsonb(regexp_replace(v.value_richtext, '<[^>]*>', ' ', 'g'))
                when 'integer' then to_jsonb(v.value_integer)
                when 'float' then to_jsonb(v.value_float)
                when 'boolean' then to_jsonb(v.value_boolean)
                when 'date' then to_jsonb(v.value_date)
                when 'datetime' then to_jsonb(v.value_datetime)
                when 'option' then (
                    select to_jsonb(o.option)
                    from :"schema".catalogue_attributeoption as o
                    where o.id = v.value_option_id)
            end
            union all
            select to_jsonb(o.option)
            from :"schema".catalogue_productattributevalue_value_multi_option as x
            join :"schema".catalogue_attributeoption as o on o.id = x.attributeoption_id
            where x.productattributevalue_id = v.id
        ) as u (said)
        where (m.id = p.id or (m.parent_id = p.id and m.is_public)) and u.said <> 'null'
    )
    -- a single value as it is, several as an array
    select jsonb_object_agg(w.code, case when jsonb_array_length(w.said) = 1 then w.said -> 0
                                         else w.said end) filter (where w.id is null) as attributes,
           jsonb_object_agg(w.id || ' ' || w.code, case when jsonb_array_length(w.said) = 1 then w.said -> 0
                                                        else w.said end) filter (where w.id is not null) as by_form
    from (
        select s.id, s.code, jsonb_agg(distinct s.said) as said
        from said as s
        group by grouping sets ((s.code), (s.id, s.code))
    ) as w
) as v on true
left join lateral (
    -- what is sold: the children of a parent, or the product itself
    select coalesce(bool_or(m.parent_id = p.id), false) as is_parent,
           jsonb_agg(jsonb_build_object(
               'sku', s.skus[1],
               'title', nullif(m.title, ''),
               'codes', array_remove(array[nullif(m.upc, ''), nullif(m.code, '')] || s.skus[2:], null),
               'image', s.image,
               'attributes', coalesce(o.attributes, '{}') || jsonb_strip_nulls(jsonb_build_object(
                   'price', s.price, 'currency', s.currency, 'in_stock', coalesce(s.in_stock, false))))
               order by m.id) as forms
    from :"schema".catalogue_product as m
    cross join lateral (
        select min(r.price) as price, min(r.price_currency) as currency,
               array_agg(r.partner_sku order by r.price, r.id) filter (where r.partner_sku <> '') as skus,
               bool_or(not c.track_stock
                       or coalesce(r.num_in_stock, 0) > coalesce(r.num_allocated, 0)) as in_stock,
               (select i.original
                from :"schema".catalogue_productimage as i
                where i.product_id = m.id
                order by i.display_order, i.id
                limit 1) as image
        from :"schema".partner_stockrecord as r
        where r.product_id = m.id
    ) as s
    left join lateral (
        select jsonb_object_agg(substr(e.key, strpos(e.key, ' ') + 1), e.value) as attributes
        from jsonb_each(v.by_form) as e
        where split_part(e.key, ' ', 1) = m.id::text
    ) as o on true
    where m.parent_id = p.id and m.is_public
        or m.id = p.id and not exists (
            select
            from :"schema".catalogue_product as k
            where k.parent_id = p.id and k.is_public)
) as f on true
where p.parent_id is null and p.is_public
