-- Two roles to grant to the shop's own: vitrina_reader searches, vitrina_writer also brings
-- products in and works on them. Making roles needs createrole; without it the grants are left
-- out and the notice, like `vitrina doctor`, says what a DBA runs before the next upgrade.
do $privileges$
declare
    _role text;
    _function regprocedure;
begin
    foreach _role in array array['vitrina_reader', 'vitrina_writer'] loop
        if to_regrole(_role) is null then
            begin
                execute format('create role %I nologin', _role);
            exception when insufficient_privilege then
                raise notice 'no role %: as a DBA, run: create role % nologin; then upgrade again',
                    _role, _role;
            when duplicate_object or unique_violation then
                null; -- another database of this server is being upgraded right now
            end;
        end if;
    end loop;

    revoke all on schema vitrina from public;
    revoke all on all tables in schema vitrina from public;
    for _function in
        select p.oid::regprocedure from pg_proc as p where p.pronamespace = 'vitrina'::regnamespace
    loop
        execute format('revoke all on function %s from public', _function);
    end loop;

    if to_regrole('vitrina_reader') is not null then
        grant usage on schema vitrina to vitrina_reader;
        grant select on
            catalog, status, source_status, wakes, installed, sources, products, product_text,
            product_terms, images, keywords, keyword_aliases, keyword_distinctions, keyword_changes,
            keyword_policy, keyword_thresholds, contrasts, thesaurus, product_keywords, spaces,
            keyword_embeddings, product_embeddings, query_embeddings, word_pieces
        to vitrina_reader;
        for _function in
            select p.oid::regprocedure
            from pg_proc as p
            where p.pronamespace = 'vitrina'::regnamespace and p.provolatile <> 'v'
        loop
            execute format('grant execute on function %s to vitrina_reader', _function);
        end loop;
    end if;
    if to_regrole('vitrina_writer') is not null then
        grant usage on schema vitrina to vitrina_writer;
        grant select on all tables in schema vitrina to vitrina_writer;
        grant insert, update, delete on
            sources, products, product_text, product_terms, images, keywords, keyword_aliases,
            keyword_distinctions, keyword_changes, product_keywords, contrasts, thesaurus,
            keyword_embeddings, product_embeddings, query_embeddings, generations, jobs, workers,
            batches, batch_requests, changes, rejects
        to vitrina_writer;
        grant update (seen, synced_at, swept_at, problem, problem_at) on attachments to vitrina_writer;
        for _function in
            select p.oid::regprocedure
            from pg_proc as p
            where p.pronamespace = 'vitrina'::regnamespace
                -- they run as their owner, for the triggers alone
                and p.proname !~ '^_wake_\d'
                and p.proname not in (
                    'create_space', 'drop_space', 'use_space', 'activate_space', 'index_spaces',
                    'set_budget', 'set_keyword_policy', 'set_keyword_threshold',
                    'attach_table', 'attach_query', 'detach')
        loop
            execute format('grant execute on function %s to vitrina_writer', _function);
        end loop;
    end if;
end
$privileges$;
