-- django-oscar: one row per product that Oscar itself would list: every public product that is not a
-- child. A parent includes the data of its public children: their attribute values, codes, pictures
-- and prices.
select
    p.id,
    p.title,
    i.original as image,
    :'base_url' || '/catalogue/' || p.slug || '_' || p.id || '/' as url,
    coalesce(v.attributes, '{}') || jsonb_strip_nulls(jsonb_build_object(
        'product_type', c.name,
        'category', g.names,
        'code', k.codes,
        'currency', s.currency,
        'price', s.price,
        'in_stock', coalesce(s.in_stock, false),
        'rating', p.rating)) as attributes
from :"schema".catalogue_product as p
left join :"schema".catalogue_productclass as c on c.id = p.product_class_id
left join lateral (
    select i.original
    from :"schema".catalogue_product as m
    join :"schema".catalogue_productimage as i on i.product_id = m.id
    where m.id = p.id or (m.parent_id = p.id and m.is_public)
    order by m.id = p.id desc, i.display_order, i.id
    limit 1
) as i on true
left join lateral (
    select min(s.price) as price, min(s.price_currency) as currency,
           bool_or(not c.track_stock
                   or coalesce(s.num_in_stock, 0) > coalesce(s.num_allocated, 0)) as in_stock
    from :"schema".catalogue_product as m
    join :"schema".partner_stockrecord as s on s.product_id = m.id
    where m.id = p.id or (m.parent_id = p.id and m.is_public)
) as s on true
left join lateral (
    select array_agg(distinct u.code order by u.code) as codes
    from :"schema".catalogue_product as m
    left join :"schema".partner_stockrecord as s on s.product_id = m.id
    cross join lateral unnest(array[m.upc, m.code, s.partner_sku]) as u (code)
    where (m.id = p.id or (m.parent_id = p.id and m.is_public)) and u.code <> ''
) as k on true
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
    -- a single value as it is, several as an array
    select jsonb_object_agg(
        v.code, case when jsonb_array_length(v.said) = 1 then v.said -> 0 else v.said end
    ) as attributes
    from (
        select a.code, jsonb_agg(distinct u.said) as said
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
        group by a.code
    ) as v
) as v on true
where p.parent_id is null and p.is_public
