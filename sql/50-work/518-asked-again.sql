-- Who said what of a product, and asking again.

-- ---------------------------------------------------------------------------------------------
-- product_generations(of_product) → the answers of models that this product was made of, latest first: what was
-- asked (stage), who answered, when; current: whether it is part of what the product has now; tokens, USD
-- (null at an unknown price) and seconds; products: how many share it, as an answer to the same input is
-- paid for once; output: null if the answer was dropped. Products that were enriched by an older vitrina, or
-- came in with keywords, have none.
-- ---------------------------------------------------------------------------------------------
create or replace function product_generations(of_product bigint) returns table (
    stage text, provider text, model text, prompt_version text, said_at timestamptz, current boolean,
    input_tokens int, cached_tokens int, output_tokens int, usd numeric, seconds real, products bigint,
    output jsonb
)
language sql stable security invoker
set search_path from current
as $func$
    select g.stage, g.provider, g.model, g.prompt_version, g.created_at, u.used_at = p.enriched_at,
           g.input_tokens, g.cached_tokens, g.output_tokens, g.cost, g.seconds,
           (select count(*) from generation_uses as o where o.generation_id = g.id), g.output
    from products as p
    join generation_uses as u on u.product_id = p.id
    join generations as g on g.id = u.generation_id
    where p.id = of_product
    order by u.used_at = p.enriched_at desc, g.created_at desc, g.id desc;
$func$;

-- ---------------------------------------------------------------------------------------------
-- product_generations(source, external_id) → the same, for the product with this external id in that source.
-- Raises VT003 for an unknown source or product, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function product_generations(source text, external_id text) returns table (
    stage text, provider text, model text, prompt_version text, said_at timestamptz, current boolean,
    input_tokens int, cached_tokens int, output_tokens int, usd numeric, seconds real, products bigint,
    output jsonb
)
language sql stable security invoker
set search_path from current
as $func$
    select g.*
    from product_generations((products_named(product_generations.source, array[product_generations.external_id]))[1]) as g;
$func$;

-- ---------------------------------------------------------------------------------------------
-- ask_again(product_ids) → how many products it queued: models are asked about them anew, at a price, although
-- their input is the same; the earlier answers stay stored. Keywords that a person set stay. Asked twice before a
-- worker came, it is done once. Products that are not there are skipped.
-- ---------------------------------------------------------------------------------------------
create or replace function ask_again(product_ids bigint[]) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
begin
    perform from products as p where p.id = any (product_ids) order by p.id for no key update;
    with asked as (
        update products as p set asked = p.asked + 1
        where p.id = any (product_ids)
        returning p.id
    )
    select coalesce(array_agg(a.id), '{}') into _ids from asked as a;
    perform queue_products(_ids);
    return cardinality(_ids);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- ask_again(source, external_ids) → the same, for the products with these external ids in that source. Raises VT003
-- for an unknown source or product, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function ask_again(source text, external_ids text[]) returns int
language sql volatile security invoker
set search_path from current
as $func$
    select ask_again(products_named(ask_again.source, ask_again.external_ids));
$func$;
