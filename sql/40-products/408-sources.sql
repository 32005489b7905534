-- Sources of products: made, looked at and removed.

-- ---------------------------------------------------------------------------------------------
-- put_source(name, kind, config, text_config) → the source's id; creates the source or updates its
-- settings. text_config: a text-search configuration ('english', 'german', 'simple' …), or the shop's
-- own with its schema ('public.shop'); of a new source, when it is not given, it is detected from the
-- first products, see detect_text_config; another one renews the full text of the products. config is merged into the stored one. config.image_root: the
-- folder of pictures without a URL; workers trust it if the schema's owner sets it here; from other
-- roles it must lie below a trusted folder (see trusted_root, or `vitrina work --image-root`). Raises
-- VT004 for an unknown configuration or kind, a config that is not an object, or a name that is empty
-- or over 200 characters.
-- ---------------------------------------------------------------------------------------------
create or replace function put_source(
    name text, kind text default 'file', config jsonb default '{}', text_config text default null
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _id int;
    _config regconfig;
    _before text := (select s.text_config from sources as s where s.name = put_source.name);
begin
    if length(coalesce(put_source.name, '')) not between 1 and 200 then
        raise exception 'the name of a source must have 1 to 200 characters' using errcode = 'VT004',
            hint = 'give it a short name, like shop';
    end if;
    if coalesce(put_source.kind, '') not in ('file', 'table') then
        raise exception 'a source cannot be of the kind %', quote_nullable(left(put_source.kind, 100))
            using errcode = 'VT004', hint = 'use file or table';
    end if;
    if jsonb_typeof(put_source.config) is distinct from 'object' then
        raise exception 'the config of a source must be a JSON object' using errcode = 'VT004',
            hint = 'like ''{"image_root": "/srv/pictures"}''';
    end if;
    begin
        _config := put_source.text_config::regconfig;
    exception when others then
        raise exception 'text-search configuration % not found',
            quote_literal(left(put_source.text_config, 100)) using errcode = 'VT004',
            hint = 'see: select cfgname from pg_ts_config';
    end;
    insert into sources as s (name, kind, config, text_config, text_config_due)
    values (put_source.name, put_source.kind, put_source.config,
            coalesce(_config, 'english')::text, _config is null)
    on conflict (name) do update set
        config = s.config || excluded.config,
        text_config = coalesce(_config::text, s.text_config),
        text_config_due = s.text_config_due and excluded.text_config_due
    returning s.id into _id;
    -- only the owner has this privilege; a writer can only narrow the folder
    if put_source.config ->> 'image_root' is not null
        and has_column_privilege('vitrina.sources', 'trusted_root', 'update') then
        update sources as s set trusted_root = put_source.config ->> 'image_root' where s.id = _id;
    end if;
    perform renew_language_keys();
    if _before <> _config::text then
        perform refresh_text(array(select p.id from products as p where p.source_id = _id)), renew_rules();
    end if;
    return _id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- refuse_attached(source): raises VT004 if the source of this name is attached.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.refuse_attached(source text) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    if exists (select from attachments as a
               join sources as s on s.id = a.source_id
               where s.name = refuse_attached.source) then
        raise exception 'source % is attached: its products follow the shop''s table',
            quote_ident(refuse_attached.source)
            using errcode = 'VT004', hint = format(
                'change the rows there, or detach the source: vitrina detach %s',
                shell_quoted(refuse_attached.source));
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- source_languages(source) → the language of a source's titles, by its text-search configuration, or
-- null; and the language in which keywords are shown.
-- ---------------------------------------------------------------------------------------------
create or replace function source_languages(source text, out language text, out shown text)
language sql stable security invoker
set search_path from current
as $func$
    select source_language(s.text_config), shown_language()
    from sources as s where s.name = source_languages.source;
$func$;

-- ---------------------------------------------------------------------------------------------
-- remove_source(name) → how many products it had. Deletes the source with its products; the vocabulary
-- stays. Raises VT003 if the source is not found, VT004 if it is attached.
-- ---------------------------------------------------------------------------------------------
create or replace function remove_source(name text) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int := source_named(remove_source.name);
    _count int;
    _images bytea[];
begin
    if exists (select from attachments as a where a.source_id = _source) then
        raise exception 'source % is attached', quote_ident(remove_source.name)
            using errcode = 'VT004', hint = format('detach it, which removes its products: vitrina detach %s',
                                                   shell_quoted(remove_source.name));
    end if;
    _images := array(select p.image_sha256 from products as p
                     where p.source_id = _source and p.image_sha256 is not null
                     union
                     select i.image_sha256 from product_images as i
                     join products as p on p.id = i.product_id
                     where p.source_id = _source and i.image_sha256 is not null);
    delete from products as p where p.source_id = _source;
    get diagnostics _count = row_count;
    delete from sources as s where s.id = _source;
    perform renew_language_keys();
    perform renew_rules(); -- they are read in the language of the first source
    perform drop_unused(_images);
    perform collect_words(2147483647);
    perform measure_backgrounds();
    return _count;
end
$func$;
