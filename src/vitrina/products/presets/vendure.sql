-- Vendure: one row per product of a channel that Vendure's own search would find: enabled, not
-- deleted, with such a variant. Names are in the given language, else in the channel's, else in any.
-- A product includes the data of its variants: options, codes and prices.
select
    p.id,
    t.name as title,
    i.preview as image,
    :'base_url' || t.slug as url,
    coalesce(f.attributes, '{}') || coalesce(o.attributes, '{}')
    || jsonb_strip_nulls(jsonb_build_object(
        'category', g.names,
        'code', s.codes,
        'currency', s.currency,
        'price', s.price)) as attributes
from :"schema".product as p
join :"schema".channel as h on h.code = :'channel'
join :"schema".product_channels_channel as ph on ph."productId" = p.id and ph."channelId" = h.id
join lateral (
    select t.name, t.slug
    from :"schema".product_translation as t
    where t."baseId" = p.id
    order by t."languageCode" = :'language' desc, t."languageCode" = h."defaultLanguageCode" desc,
             t.id
    limit 1
) as t on true
cross join lateral (
    select array_agg(v.id) as variants, array_agg(distinct v.sku) as codes,
           round(min(r.price) / 100.0, 2) as price, min(r."currencyCode") as currency
    from :"schema".product_variant as v
    join :"schema".product_variant_channels_channel as vh
        on vh."productVariantId" = v.id and vh."channelId" = h.id
    left join :"schema".product_variant_price as r
        on r."variantId" = v.id and r."channelId" = h.id
        and r."currencyCode" = h."defaultCurrencyCode"
    where v."productId" = p.id and v.enabled and v."deletedAt" is null
) as s
left join lateral (
    select a.preview
    from :"schema".asset as a
    left join :"schema".product_asset as x on x."assetId" = a.id and x."productId" = p.id
    where a.id = p."featuredAssetId" or x.id is not null
    order by a.id = p."featuredAssetId" desc, x.position, a.id
    limit 1
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
left join lateral (
    -- options: {"laptop-ram": ["8GB", "16GB"], …}
    select jsonb_object_agg(o.code, o.names) as attributes
    from (
        select q.code, jsonb_agg(distinct n.name) as names
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
        where x."productVariantId" = any (s.variants)
        group by q.code
    ) as o
) as o on true
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
