-- Two roles to grant to the shop's own roles: vitrina_reader searches, vitrina_writer also loads
-- products and works on them. Creating roles needs createrole; without it the grants are left out, and
-- the notice, like `vitrina doctor`, tells the DBA what to run before the next upgrade.

do $privileges$
declare
    _role text;
    _function regprocedure;
    -- the functions of a reader; they only read
    _reads constant text[] := array[
        'search', 'explain_search', 'count_matches', 'similar_products', 'get_products', 'nearest_by_image', 'recommend', 'facets', 'histogram', 'overview', 'suggest',
        'log_searches', -- which writes, as its owner
        'metrics', 'duplicates', 'list_rules', 'similar_keywords', 'embed_text', 'embed_texts', 'query_embedding',
        'query_to_embed', 'read_query', 'normal_form', 'shown_address', 'explain_keyword', 'show_keyword',
        'row_secured', 'detect_text_config', 'look_up_keywords', 'unknown_names', 'near_products',
        'list_keywords', 'term_products', 'suggest_keywords', 'coverage', 'list_judgements', 'list_doubts', 'judged_queries', 'keyword_history', 'audit_keywords', 'space_status', 'unknown_terms',
        'vector_schema', -- doctor and db check call this one
        'wake_problem']; -- the view source_status calls this one as its user
    -- helpers for writers that no public function calls: those that triggers call, and the above
    _serves constant text[] := array[
        'normalize_term', 'set_key', 'words_changed', 'words_met', 'vector_schema', 'wake_problem'];
    -- the functions of the owner of the schema, and their own helpers
    _owns constant text[] := array[
        'create_space', 'drop_space', 'use_space', 'activate_space', 'index_spaces', 'set_budget',
        'set_keyword_policy', 'set_keyword_threshold', 'set_search_policy', 'attach_table', 'attach_query', 'detach',
        'drop_answers', 'attach_source', 'probe_view', 'build_source', 'unbuild_source', 'make_rows',
        'make_triggers', 'make_wake', 'keep_private', 'parse_wake', 'find_table',
        'view_query', 'give_words', 'run_patiently'];
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

    revoke all on schema vitrina, vitrina_internal from public;
    revoke all on all tables in schema vitrina from public;
    revoke all on all functions in schema vitrina, vitrina_internal from public;

    foreach _role in array array['vitrina_reader', 'vitrina_writer'] loop
        continue when to_regrole(_role) is null;
        -- revoke the grants of an older version: the lists below are complete
        execute format('revoke all on all tables in schema vitrina from %I', _role);
        execute format('revoke all on all functions in schema vitrina, vitrina_internal from %I', _role);
        execute format('grant usage on schema vitrina, vitrina_internal to %I', _role);
        if not has_schema_privilege(_role, '@vector@'::regnamespace, 'usage') then
            -- pgvector stands in a schema that not everybody may use
            begin
                execute format('grant usage on schema @vector@ to %I', _role);
            exception when insufficient_privilege then
                raise notice 'as the owner of the schema, run: grant usage on schema @vector@ to %;', _role;
            end;
        end if;
        for _function in
            -- functions run as their caller, so a role also needs the helpers of the functions it
            -- calls, and no others
            with recursive ours as materialized (
                select p.oid, p.proname::text as name, p.provolatile = 'v' as writes,
                       p.pronamespace = 'vitrina'::regnamespace as is_public,
                       -- functions that read an attached table run as their owner
                       case when not p.prosecdef
                            then coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) end as body
                from pg_proc as p
                where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)
                    and p.proname <> all (_owns)
            ),
            mentions as materialized (
                select distinct o.name, o.writes, m.found[1] as mentioned
                from ours as o
                cross join regexp_matches(o.body, '([a-z_]+)\s*\(', 'g') as m (found)
                where m.found[1] <> 'check' -- the keyword: no function calls check()
            ),
            reached as (
                select o.name
                from ours as o
                where case _role
                    when 'vitrina_reader' then o.name = any (_reads)
                    else o.is_public or o.name = any (_serves) or o.name ~ '^rows_\d' end
                union
                -- hints of what a reader calls name functions that write
                select m.mentioned from reached as r
                join mentions as m on m.name = r.name and not (_role = 'vitrina_reader' and m.writes)
            )
            select o.oid::regprocedure
            from ours as o
            join reached as r on r.name = o.name
            where not (_role = 'vitrina_reader' and o.writes and o.name <> 'log_searches')
        loop
            execute format('grant execute on function %s to %I', _function, _role);
        end loop;
    end loop;

    if to_regrole('vitrina_reader') is not null then
        grant select on
            catalog, status, source_status, installed, alembic_version, products, product_images,
            product_text, product_terms, given_keywords, variants, images, keywords, keyword_aliases,
            keyword_distinctions, keyword_changes, keyword_policy, keyword_thresholds, search_policy, contrasts,
            thesaurus, related_terms, product_keywords, rules, judgements, judgement_doubts, catalogue_words, spellings,
            condition_words, spaces,
            keyword_embeddings, product_embeddings, picture_embeddings, query_embeddings, word_pieces
        to vitrina_reader;
        -- but not their settings, nor the shop's queries
        grant select (id, name, kind, text_config, text_config_due) on sources to vitrina_reader;
        grant select (source_id, place, relation, key, columns) on wakes to vitrina_reader;
        grant select (source_id, relation, reads) on attachments to vitrina_reader;
    end if;
    if to_regrole('vitrina_writer') is not null then
        grant select on all tables in schema vitrina to vitrina_writer;
        grant insert, update, delete on
            products, product_images, product_text, product_terms, given_keywords, left_products, variants, keywords,
            keyword_aliases, keyword_distinctions, product_keywords, contrasts, thesaurus, related_terms,
            keyword_embeddings, product_embeddings, picture_embeddings, query_embeddings, jobs, workers, rejects, rules, judgements, judgement_doubts
        to vitrina_writer;
        -- only the owner sets trusted_root and kind
        grant insert (name, kind, config, text_config, text_config_due),
            update (config, text_config, text_config_due), delete
            on sources to vitrina_writer;
        grant insert, update (mime, thumbnail, dhash, layout), delete on images to vitrina_writer;
        grant insert, delete on catalogue_words, spellings to vitrina_writer;
        grant insert, delete on changes to vitrina_writer;
        grant insert, update (undone_at) on keyword_changes to vitrina_writer;
        -- answers are paid for: writers add them, and may not delete them
        grant insert on generations to vitrina_writer;
        grant insert, update (used_at) on generation_uses to vitrina_writer;
        -- the settings and the author of a batch never change
        grant insert (token, run, settings, base_url, model),
            update (stages, state, remote_id, status, requests, answered, unanswered, tokens,
                    estimate, cost, input_file, output_file, error_file, error, submitted_at,
                    collected_at)
            on batches to vitrina_writer;
        grant insert, update (state, error) on batch_requests to vitrina_writer;
        grant update (background_mean, background_deviation, background_products, background_last, picture_mean,
                      picture_deviation)
            on spaces to vitrina_writer;
        grant update (keys_language) on keyword_policy to vitrina_writer;
        grant update (seen, synced_at, swept_at, problem, problem_at) on attachments
            to vitrina_writer;
    end if;
end
$privileges$;
