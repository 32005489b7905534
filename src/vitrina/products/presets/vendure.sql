-- Vendure: one row per product of a channel that Vendure's own search would find: enabled, not
-- deleted, with such a variant. Names are in the given language, else in the channel's, else in any.
-- Its attributes include the options and prices of its variants.
select
    p.id,
    t.name as title,
    t.description as text,
    i.images #>> '{0,image}' as image,
    :'base_url' || t.slug as url,
    i.images,
    w.variants,
    coalesce(f.attributes, '{}') || jsonb_strip_nulls(jsonb_build_object(
        'category', g.names)) as attributes
from :"schema".product as p
join :"schema".channel as h on h.code = :'channel'
join :"schema".product_channels_channel as ph on ph."productId" = p.id and ph."channelId" = h.id
join lateral (
    select t.name, t.slug, t.description
    from :"schema".product_translation as t
    where t."baseId" = p.id
    order by t."languageCode" = :'language' desc, t."languageCode" = h."defaultLanguageCode" desc,
             t.id
    limit 1
) as t on true
cross join lateral (
    select array_agg(v.id) as variants
    from :"schema".product_variant as v
    join :"schema".product_variant_channels_channel as vh
        on vh."productVariantId" = v.id and vh."channelId" = h.id
    where v."productId" = p.id and v.enabled and v."deletedAt" is null
) as s
left join lateral (
    select jsonb_agg(jsonb_build_object('image', i.preview, 'role', i.role) order by i.place, i.preview) as images
    from (
        -- its own, then those of its variants; each once
        select a.preview, min(x.place) as place,
               case when min(x.place) = '{1,0}' then 'main'
                    when min(x.place) < '{3}' then 'further' else 'variant' end as role
        from (
            select p."featuredAssetId" as id, array[1, 0] as place
            union all
            select x."assetId", array[2, x.position]
            from :"schema".product_asset as x
            where x."productId" = p.id
            union all
            select v."featuredAssetId", array[3, v.id]
            from :"schema".product_variant as v
            where v.id = any (s.variants)
        ) as x
        join :"schema".asset as a on a.id = x.id
        group by a.id, a.preview
    ) as i
) as i on true
left join lateral (
    -- facets: {"brand": ["Apple"], …}
    select jsonb_object_agg(f.code, f.names) as attributes
    from (
        select f.code, jsonb_agg(distinct n.name) as names
        from (
            select x."facetValueId" as id
            from :"schema".product_facet_values_facet_value as x
            where x."productId" = p.id
            union
            select x."facetValueId"
            from :"schema".product_variant_facet_values_facet_value as x
            where x."productVariantId" = any (s.variants)
        ) as x
        join :"schema".facet_value as w on w.id = x.id
        join :"schema".facet as f on f.id = w."facetId" and not f."isPrivate"
        join lateral (
            select n.name
            from :"schema".facet_value_translation as n
            where n."baseId" = w.id
            order by n."languageCode" = :'language' desc,
                     n."languageCode" = h."defaultLanguageCode" desc, n.id
            limit 1
        ) as n on true
        group by f.code
    ) as f
) as f on true
cross join lateral (
    select jsonb_agg(jsonb_build_object(
               'sku', v.sku,
               'title', n.name,
               'image', a.preview,
               -- options: {"laptop-ram": "8GB", …}
               'attributes', coalesce(o.attributes, '{}') || jsonb_strip_nulls(jsonb_build_object(
                   'price', r.price, 'currency', r.currency, 'in_stock', k.in_stock)))
               order by v.id) as variants
    from :"schema".product_variant as v
    left join :"schema".asset as a on a.id = v."featuredAssetId"
    left join lateral (
        select round(min(r.price) / 100.0, 2) as price, min(r."currencyCode") as currency
        from :"schema".product_variant_price as r
        where r."variantId" = v.id and r."channelId" = h.id
            and r."currencyCode" = h."defaultCurrencyCode"
    ) as r on true
    left join lateral (
        select n.name
        from :"schema".product_variant_translation as n
        where n."baseId" = v.id
        order by n."languageCode" = :'language' desc,
                 n."languageCode" = h."defaultLanguageCode" desc, n.id
        limit 1
    ) as n on true
    left join lateral (
        -- in the stock locations of the channel; whatever is not tracked is there
        select v."trackInventory" = 'FALSE' or (v."trackInventory" = 'INHERIT' and not e."trackInventory")
               or coalesce((
                   select sum(l."stockOnHand" - l."stockAllocated")
                   from :"schema".stock_level as l
                   join :"schema".stock_location_channels_channel as lh
                       on lh."stockLocationId" = l."stockLocationId" and lh."channelId" = h.id
                   where l."productVariantId" = v.id), 0)
               > case when v."useGlobalOutOfStockThreshold" then e."outOfStockThreshold"
                      else v."outOfStockThreshold" end as in_stock
        from :"schema".global_settings as e
        order by e.id
        limit 1
    ) as k on true
    left join lateral (
        select jsonb_object_agg(q.code, n.name) as attributes
        from :"schema".product_variant_options_product_option as x
        join :"schema".product_option as o on o.id = x."productOptionId" and o."deletedAt" is null
        join :"schema".product_option_group as q on q.id = o."groupId"
        join lateral (
            select n.name
            from :"schema".product_option_translation as n
            where n."baseId" = o.id
            order by n."languageCode" = :'language' desc,
                     n."languageCode" = h."defaultLanguageCode" desc, n.id
            limit 1
        ) as n on true
        where x."productVariantId" = v.id
    ) as o on true
    where v.id = any (s.variants)
) as w
left join lateral (
    -- collections, a parent before its children
    select array_agg(c.name order by c.depth, c.position, c.id) as names
    from (
        select distinct c.id, c.position, n.name,
               (select count(*)
                from :"schema".collection_closure as k
                where k.id_descendant = c.id) as depth
        from :"schema".collection_product_variants_product_variant as x
        join :"schema".collection as c on c.id = x."collectionId"
        join lateral (
            select n.name
            from :"schema".collection_translation as n
            where n."baseId" = c.id
            order by n."languageCode" = :'language' desc,
                     n."languageCode" = h."defaultLanguageCode" desc, n.id
            limit 1
        ) as n on true
        where x."productVariantId" = any (s.variants) and not c."isPrivate" and not c."isRoot"
    ) as c
) as g on true
where p.enabled and p."deletedAt" is null and s.variants is not null
