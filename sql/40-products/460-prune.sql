-- A file that is the whole catalogue: what it lacks leaves.

-- ---------------------------------------------------------------------------------------------
-- prune_products(source, kept, most, dry_run) → how many products of the source have none of these
-- external ids; they are deleted, unless dry_run is true. most: the share of the source's products that
-- may go, 0 to 1: a file that was cut short must not empty a shop. Raises VT003 if the source is not
-- found, VT004 if it is attached, if `kept` is empty, or if more would go; then nothing is deleted.
-- ---------------------------------------------------------------------------------------------
create or replace function prune_products(
    source text, kept text[], most real default 0.3, dry_run boolean default false
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int;
    _gone bigint[];
    _images bytea[];
    _products bigint;
begin
    select s.id into _source from vitrina.sources as s where s.name = prune_products.source;
    if not found then
        if dry_run then
            return 0; -- a file that is tried before its source is there
        end if;
        raise exception 'source % not found', quote_literal(left(prune_products.source, 100))
            using errcode = 'VT003', hint = 'see: select name from vitrina.sources';
    end if;
    if exists (select from attachments as a where a.source_id = _source) then
        raise exception 'source % is attached', quote_ident(prune_products.source)
            using errcode = 'VT004', hint = 'its products leave with the rows of its table';
    end if;
    if coalesce(cardinality(kept), 0) = 0 then
        raise exception 'prune_products was given no external ids to keep' using errcode = 'VT004',
            hint = format('to delete all: select vitrina.remove_source(%L);', prune_products.source);
    end if;
    if most is null or most not between 0 and 1 then
        raise exception 'most must be 0 to 1, not %', coalesce(most::text, 'null')
            using errcode = 'VT004', hint = '0.3 lets at most 30 % of the products go';
    end if;
    select count(*), coalesce(array_agg(p.id) filter (where k.external_id is null), '{}')
    into _products, _gone
    from products as p
    left join (select distinct u.external_id from unnest(kept) as u (external_id)) as k
        on k.external_id = p.external_id
    where p.source_id = _source;
    if cardinality(_gone) > _products * most::numeric then
        raise exception '% of % products of source % would be removed; none was', cardinality(_gone),
            _products, quote_ident(prune_products.source) using errcode = 'VT004',
            hint = 'if the file is the whole catalogue, allow it: --yes, or most => 1';
    end if;
    if not dry_run then
        _images := array(select distinct p.image_sha256 from products as p
                         where p.id = any (_gone) and p.image_sha256 is not null);
        delete from products as p where p.id = any (_gone);
        perform drop_unused(_images);
    end if;
    return cardinality(_gone);
end
$func$;
