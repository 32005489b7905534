-- Functions of an older version whose rows lack a column: create or replace cannot add it.

do $changed$
declare
    _function regprocedure;
begin
    for _function in
        select p.oid
        from (values ('claim_jobs', 'text'), ('products_to_batch', 'text'), ('claim_products', 'text'),
                     ('similar_products', 'attributes'), ('recommend', 'attributes'),
                     ('nearest_by_image', 'attributes'), ('nearest_by_dhash', 'attributes'))
            as c (name, result)
        join pg_proc as p on p.proname = c.name
        where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)
            and c.result <> all (p.proargnames)
    loop
        execute format('drop function %s', _function);
    end loop;
end
$changed$;
