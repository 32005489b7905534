"""What runs before everything else in a database: checks it, and makes extension and schemas."""

from __future__ import annotations

# Runs first, online and in `vitrina db sql` alike. Checks before it creates, so that a role that
# may not create extensions or schemas can install into a database a DBA has prepared.
PREAMBLE = """\
do $preamble$
declare
    _here text := pg_catalog.current_schema();
    _version text;
    _schema text;
    _one text;
begin
    -- the session's path may contain schemas where others create functions and operators
    perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
    if current_setting('server_version_num')::int < 140000 then
        raise exception 'vitrina needs Postgres 14 or newer, this is %',
            current_setting('server_version') using errcode = 'VT001';
    end if;
    if current_setting('server_encoding') <> 'UTF8' then
        raise exception 'vitrina needs a database in UTF8, this one is in %',
            current_setting('server_encoding') using errcode = 'VT001',
            hint = 'create one: create database NAME encoding ''UTF8'' template template0;';
    end if;
    if not exists (select from pg_extension as e where e.extname = 'vector') then
        begin
            execute format('create extension vector schema %I', coalesce(_here, 'public'));
        exception
            when insufficient_privilege then
                raise exception 'the extension vector is missing, and role % may not create it',
                    quote_ident(current_user)
                    using errcode = 'VT001', hint = 'as a DBA, run in this database: '
                        'create extension vector;';
            when undefined_file or feature_not_supported then
                raise exception 'pgvector is not installed on this server'
                    using errcode = 'VT001', hint = 'install the package of pgvector 0.8 or newer '
                        'for this server, then as a DBA: create extension vector;';
        end;
    end if;
    select e.extversion, n.nspname into _version, _schema
    from pg_extension as e
    join pg_namespace as n on n.oid = e.extnamespace
    where e.extname = 'vector';
    if string_to_array(_version, '.')::int[] < array[0, 8] then
        raise exception 'vitrina needs pgvector 0.8 or newer, this database has %', _version
            using errcode = 'VT001', hint = 'as a DBA, run in this database: '
                'alter extension vector update;';
    end if;
    -- the name is put into SQL that functions run
    if _schema ~ '[''%\\\\$]' then
        raise exception 'the extension vector is in a schema with an unusable name: %', _schema
            using errcode = 'VT001', hint = 'as a DBA, run in this database: '
                'alter extension vector set schema public;';
    end if;
    foreach _one in array array['vitrina', 'vitrina_internal'] loop
        if to_regnamespace(_one) is null then
            begin
                execute format('create schema %I', _one);
            exception when insufficient_privilege then
                raise exception 'role % may not create the schema %',
                    quote_ident(current_user), _one using errcode = 'VT002', hint =
                    'as a DBA, run in this database: ' || (
                        select string_agg(format('create schema %I authorization %I;', m.name,
                                                 current_user), ' ')
                        from unnest(array['vitrina', 'vitrina_internal']) as m (name)
                        where to_regnamespace(m.name) is null);
            end;
        end if;
        if not has_schema_privilege(_one, 'create') then
            raise exception 'role % may not create in the schema %', quote_ident(current_user),
                _one using errcode = 'VT002', hint = format(
                'as a DBA, run in this database: alter schema %I owner to %I;', _one, current_user);
        end if;
    end loop;
    -- loads the library: without it only a superuser may set hnsw.* on a function
    execute format('select ''[1]''::%I.vector', _schema);
end
$preamble$;

-- Functions take their search_path from here (set search_path from current).
set search_path = vitrina, vitrina_internal, pg_temp;
"""
