-- Medusa: one row per published product, of one sales channel or of all. Prices are those without
-- conditions, in one currency, else in the store's. Its attributes include the option values and prices
-- of its variants.
select
    p.id,
    p.title,
    p.description as text,
    coalesce(p.thumbnail, i.images ->> 0) as image,
    :'base_url' || p.handle as url,
    i.images,
    w.variants,
    jsonb_strip_nulls(jsonb_build_object(
        'subtitle', p.subtitle,
        'material', p.material,
        'product_type', t.value,
        'collection', l.title,
        'category', g.names,
        'tags', a.tags)) as attributes
from :"schema".product as p
left join :"schema".product_type as t on t.id = p.type_id and t.deleted_at is null
left join :"schema".product_collection as l on l.id = p.collection_id and l.deleted_at is null
left join lateral (
    select jsonb_agg(i.url order by i.rank, i.url) as images
    from (
        -- each once, the thumbnail first
        select i.url, min(i.rank) as rank
        from (
            select p.thumbnail as url, -1 as rank
            union all
            select i.url, i.rank
            from :"schema".image as i
            where i.product_id = p.id and i.deleted_at is null
        ) as i
        where i.url <> ''
        group by i.url
    ) as i
) as i on true
left join lateral (
    select jsonb_agg(jsonb_build_object(
               'sku', v.sku,
               'title', v.title,
               'codes', array_remove(array[v.barcode, v.ean, v.upc], null),
               'attributes', coalesce(o.attributes, '{}') || jsonb_strip_nulls(jsonb_build_object(
                   'price', s.price, 'currency', s.currency, 'in_stock', k.in_stock)))
               order by v.variant_rank, v.id) as variants
    from :"schema".product_variant as v
    left join lateral (
        select jsonb_object_agg(o.title, w.value) as attributes
        from :"schema".product_variant_option as x
        join :"schema".product_option_value as w
            on w.id = x.option_value_id and w.deleted_at is null
        join :"schema".product_option as o on o.id = w.option_id and o.deleted_at is null
        where x.variant_id = v.id
    ) as o on true
    left join lateral (
        select min(c.amount) as price, min(c.currency_code) as currency
        from :"schema".product_variant_price_set as x
        join :"schema".price as c on c.price_set_id = x.price_set_id and c.deleted_at is null
        where x.variant_id = v.id and x.deleted_at is null
            and c.price_list_id is null and coalesce(c.rules_count, 0) = 0
            and coalesce(c.min_quantity, 1) <= 1
            and c.currency_code = coalesce(nullif(:'currency', ''), (
                select y.currency_code
                from :"schema".store_currency as y
                where y.is_default and y.deleted_at is null
                order by y.created_at
                limit 1))
    ) as s on true
    left join lateral (
        -- as many as it takes of each inventory item, in any location; what is not managed is there
        select not v.manage_inventory or v.allow_backorder or coalesce(bool_and(coalesce((
                   select sum(l.stocked_quantity - l.reserved_quantity)
                   from :"schema".inventory_level as l
                   where l.inventory_item_id = x.inventory_item_id and l.deleted_at is null), 0)
               >= x.required_quantity), false) as in_stock
        from :"schema".product_variant_inventory_item as x
        where x.variant_id = v.id and x.deleted_at is null
    ) as k on true
    where v.product_id = p.id and v.deleted_at is null
) as w on true
left join lateral (
    -- categories, a parent before its children
    select array_agg(b.name order by b.mpath) as names
    from (
        select distinct b.mpath, b.name
        from :"schema".product_category_product as x
        join :"schema".product_category as c on c.id = x.product_category_id
        join :"schema".product_category as b
            on b.id = c.id or starts_with(c.mpath, b.mpath || '.')
        where x.product_id = p.id and b.deleted_at is null and b.is_active and not b.is_internal
    ) as b
) as g on true
left join lateral (
    select array_agg(a.value order by a.value) as tags
    from :"schema".product_tags as x
    join :"schema".product_tag as a on a.id = x.product_tag_id and a.deleted_at is null
    where x.product_id = p.id
) as a on true
where p.status = 'published' and p.deleted_at is null
    and (:'sales_channel' = '' or exists (
        select
        from :"schema".product_sales_channel as x
        join :"schema".sales_channel as h on h.id = x.sales_channel_id
        where x.product_id = p.id and x.deleted_at is null
            and :'sales_channel' in (h.id, h.name) and not h.is_disabled and h.deleted_at is null))
